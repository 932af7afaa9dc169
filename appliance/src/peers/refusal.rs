//! How a member refuses this node, where that proves that the node was removed.
//!
//! A removed node is let in nowhere, so it cannot ask. But a TLS 1.3 handshake ends, for this node, with the proof that the
//! other side holds the key of a certificate that the cluster's CA made out to that address; only then does the other side
//! judge this node's certificate, and its verdict comes encrypted. "Revoked" is thus the word of a node of the cluster: its
//! revocation list, which the CA signed, names this node's certificate. Nobody on the way can say it. What is said before
//! the handshake has ended is not listened to.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use keystead::join::request::Address;
use keystead::member::roster::{NodeState, Roster};
use keystead::replication::names;
use keystead::{Error, NodeId, Result};
use rustls::AlertDescription;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls;
use crate::postgres::Paths;

/// How long one member may take. An agent that starts waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// PostgreSQL's requests begin with their length and one of these.
const TLS_REQUEST: u32 = 80_877_103;
const PROTOCOL: u32 = 196_608;

/// Does the node at `address` refuse this node's certificate as revoked? Any other answer, good or bad, is a no. A node
/// that `roster` knows as removed is not believed.
///
/// # Errors
/// When it cannot be asked, or does not answer within three seconds.
pub(crate) async fn says_removed(paths: &Paths, me: &NodeId, address: &Address, roster: &Roster) -> Result<bool> {
    let asked = tokio::time::timeout(PATIENCE, ask(paths, me, address, roster)).await;
    asked.unwrap_or_else(|_| {
        Err(Error::unavailable(format!(
            "{address} does not answer within 3 seconds"
        )))
    })
}

async fn ask(paths: &Paths, me: &NodeId, address: &Address, roster: &Roster) -> Result<bool> {
    let mut stream = handshake(paths, address).await?;
    let speaker = speaker(&stream)?;
    if roster
        .find(&speaker)
        .is_some_and(|node| node.state == NodeState::Removed)
    {
        return Ok(false);
    }
    // A node that is not refused would be waited for until it says as whom it comes. One that is may find nobody to say it
    // to any more; why, is still to be read.
    let said = async {
        stream.write_all(&startup(me)).await?;
        stream.flush().await
    };
    if let Err(error) = said.await {
        tracing::debug!(%address, %error, "refused before the first word");
    }
    let answer = stream.read(&mut [0; 1]).await;
    Ok(answer.is_err_and(|error| is_revoked(&error)))
}

async fn handshake(paths: &Paths, address: &Address) -> Result<TlsStream<TcpStream>> {
    let cannot = |cause| Error::unavailable(format!("{address} cannot be asked")).caused_by(cause);
    let mut plain = TcpStream::connect((address.host.as_str(), address.port))
        .await
        .map_err(cannot)?;
    plain.write_all(&message(TLS_REQUEST, &[])).await.map_err(cannot)?;
    let mut answer = [0; 1];
    plain.read_exact(&mut answer).await.map_err(cannot)?;
    if answer != *b"S" {
        return Err(Error::unavailable(format!("{address} does not speak TLS")));
    }
    let name = ServerName::try_from(address.host.clone())
        .map_err(|cause| Error::internal("reading the address of a member", cause))?;
    // Any node of the cluster may say so, also one that has come to this address since.
    let (config, _) = tls::config(paths, None)?;
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, plain).await.map_err(cannot)
}

/// Who has proved who it is.
fn speaker(stream: &TlsStream<TcpStream>) -> Result<NodeId> {
    let (_, session) = stream.get_ref();
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    let certificate = certificate.ok_or_else(|| Error::unavailable("a member has shown no certificate"))?;
    let said = certs::Identity::from_der(certificate)
        .map_err(|cause| Error::internal("reading the certificate of a member", cause))?;
    said.node_id.parse()
}

fn startup(me: &NodeId) -> Vec<u8> {
    let values = ["user", &names::role(me), "database", sql::database::CLUSTER, ""];
    message(PROTOCOL, values.join("\0").as_bytes())
        .into_iter()
        .chain([0])
        .collect()
}

/// A request of PostgreSQL's protocol; its length counts a closing zero where there is a body.
fn message(code: u32, body: &[u8]) -> Vec<u8> {
    let closing = usize::from(!body.is_empty());
    let length = u32::try_from(8 + body.len() + closing).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), &code.to_be_bytes(), body].concat()
}

fn is_revoked(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(
        inner,
        Some(rustls::Error::AlertReceived(AlertDescription::CertificateRevoked))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_as_long_as_they_say() {
        assert_eq!(message(TLS_REQUEST, &[]), [0, 0, 0, 8, 4, 210, 22, 47]);
        let startup = startup(&"a".repeat(32).parse().unwrap());
        assert_eq!(
            startup.first_chunk().map(|length| u32::from_be_bytes(*length)),
            u32::try_from(startup.len()).ok()
        );
        assert!(startup.ends_with(b"\0database\0keystead\0\0"));
    }

    #[test]
    fn only_the_word_revoked_counts() {
        let alert = |alert| io::Error::other(rustls::Error::AlertReceived(alert));
        assert!(is_revoked(&alert(AlertDescription::CertificateRevoked)));
        for other in [
            AlertDescription::CertificateExpired,
            AlertDescription::UnknownCA,
            AlertDescription::CertificateUnknown,
        ] {
            assert!(!is_revoked(&alert(other)), "{other:?}");
        }
        assert!(!is_revoked(&io::ErrorKind::ConnectionReset.into()));
    }
}
