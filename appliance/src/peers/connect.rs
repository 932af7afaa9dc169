//! One connection to one peer, and what it means when there is none.
//!
//! The texts name the direction, the address and the way out: most joins fail on a firewall or a wrong address.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use keystead::alarm::judge::Impostor;
use keystead::join::request::Address;
use keystead::replication::names;
use keystead::{Error, Kind, NodeId, Result};
use rustls::{AlertDescription, CertificateError};
use sql::Connection;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::sessions::Sessions;
use super::target::Target;
use super::tls;
use super::verifier::AnotherNode;
use crate::postgres::Paths;

/// How long reaching a peer may take. Below the 10 seconds in which a dead node must be noticed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What this agent connects to peers with: this node's certificate, and what it has open. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct PeerClient {
    paths: Paths,
    sessions: Arc<Sessions>,
}

impl PeerClient {
    /// Of the node whose files are in `paths`.
    pub(crate) fn new(paths: Paths) -> Self {
        Self {
            paths,
            sessions: Arc::default(),
        }
    }

    /// Ends what is open to nodes that `is_gone`, whoever holds it; how many sessions there were.
    pub(crate) fn end_sessions(&self, is_gone: impl Fn(&NodeId) -> bool) -> usize {
        self.sessions.end(is_gone)
    }

    /// Has the node shown a certificate that names it beside its address? It does not lose that again.
    pub(crate) fn has_named_itself(&self, node: &NodeId) -> bool {
        self.sessions.has_named_itself(node)
    }

    /// Who answered last where another node was expected, by the expected one.
    pub(crate) fn impostors(&self) -> BTreeMap<NodeId, Impostor> {
        self.sessions.impostors()
    }
}

/// Connects to the peer `to` as the node `me`.
///
/// # Errors
/// [`Kind::Unavailable`] when it cannot be reached, [`Kind::Unauthorized`] when it does not admit this node,
/// [`Kind::Forbidden`] when either side refuses the other's certificate, or another node answers.
pub(crate) async fn connect(peers: &PeerClient, me: &NodeId, to: &Target) -> Result<Connection> {
    let address = &to.address;
    let config = config(me, address);
    let (tls, seen) = tls::config(&peers.paths, to.id.as_ref())?;
    let connecting = tokio::time::timeout(PATIENCE, config.connect(MakeRustlsConnect::new(tls)));
    let connected = connecting
        .await
        .map_err(|_| unreachable(address, "it does not answer within 5 seconds"))?;
    if let Some(shown) = seen.get() {
        peers.sessions.answered(to, shown);
    }
    let (client, connection) = connected.map_err(|error| {
        if let Some(another) = another_node(&error) {
            peers.sessions.another_answered(to, another);
        }
        explain(address, error)
    })?;
    if to.id.is_some() && seen.get().map(|shown| &shown.id) != to.id.as_ref() {
        return Err(Error::new(
            Kind::Internal,
            "a node was let in without a look at its certificate",
        ));
    }
    let driven = sql::drive(connection);
    if let Some(shown) = seen.get() {
        peers.sessions.opened(shown.id.clone(), driven.abort_handle());
    }
    Ok(Connection::new(client, driven))
}

/// Proves that the node `to` is reached and has the right certificate, without being admitted.
///
/// # Errors
/// As [`connect`], but being turned away after the handshake is a success.
pub(crate) async fn reach(peers: &PeerClient, me: &NodeId, to: &Target) -> Result<()> {
    match connect(peers, me, to).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == Kind::Unauthorized => Ok(()),
        Err(error) => Err(error),
    }
}

fn config(me: &NodeId, address: &Address) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config
        .host(&address.host)
        .port(address.port)
        .user(names::role(me))
        .dbname(sql::database::CLUSTER)
        .application_name("keysteadd")
        .ssl_mode(SslMode::Require)
        .connect_timeout(PATIENCE)
        .tcp_user_timeout(PATIENCE)
        .keepalives_idle(PATIENCE);
    debug_assert!(
        matches!(config.get_hosts(), [Host::Tcp(_)]),
        "peers are never reached over a socket"
    );
    config
}

fn unreachable(address: &Address, why: &str) -> Error {
    Error::unavailable(format!("{address} cannot be reached: {why}")).with_hint(format!(
        "check that the node is up and that no firewall blocks port {} in this direction",
        address.port
    ))
}

/// Decided by the kind of the failure, never by its text.
fn explain(address: &Address, error: tokio_postgres::Error) -> Error {
    if let Some(code) = error.code() {
        let refused = *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION || *code == SqlState::INVALID_PASSWORD;
        let text = format!("{address} does not admit this node");
        return if refused {
            Error::new(Kind::Unauthorized, text)
                .with_hint("its cluster does not know this node, or no longer; on a member: `ksctl cluster nodes list`")
                .caused_by(error)
        } else {
            unreachable(address, "its PostgreSQL is starting, stopping or full").caused_by(error)
        };
    }
    if let Some(tls) = cause::<rustls::Error>(&error) {
        return tls_fault(address, tls).caused_by(error);
    }
    let why = match cause::<io::Error>(&error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused",
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) => "the connection was cut",
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => "no route to it",
        Some(io::ErrorKind::TimedOut) => "it does not answer within 5 seconds",
        _ => "no connection",
    };
    unreachable(address, why).caused_by(error)
}

/// The node that has answered in the place of another, if that is what was wrong.
fn another_node(error: &tokio_postgres::Error) -> Option<&AnotherNode> {
    another_node_of(cause::<rustls::Error>(error)?)
}

fn another_node_of(fault: &rustls::Error) -> Option<&AnotherNode> {
    match fault {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => other.0.downcast_ref::<AnotherNode>(),
        _ => None,
    }
}

/// A handshake that failed. An alert is the other side's word on this node, every other fault this node's on the other.
fn tls_fault(address: &Address, fault: &rustls::Error) -> Error {
    if let Some(another) = another_node_of(fault) {
        return Error::new(
            Kind::Forbidden,
            format!("{address} is not who it should be: {another}, with a good certificate of its own"),
        )
        .with_hint(
            "two machines have this address, or one poses as the other: compare `ksctl cluster nodes list` with what \
             runs there",
        );
    }
    let (text, hint) = match fault {
        rustls::Error::AlertReceived(alert) => (
            format!("{address} {}", refusal(*alert)),
            "its cluster may have removed this node: `ksctl cluster nodes list` on a member; check both clocks",
        ),
        fault => (
            format!("{address} is not who it should be: {}", mistrust(fault)),
            "check that the address belongs to a node of this cluster, and both clocks",
        ),
    };
    Error::new(Kind::Forbidden, text).with_hint(hint)
}

/// What the other side does, by the alert it sent (RFC 8446, section 6.2).
fn refusal(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateExpired => "refuses this node's certificate: it has expired, or is not valid yet",
        AlertDescription::CertificateRevoked => "refuses this node's certificate: it was revoked",
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateRequired
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError => "refuses this node's certificate",
        _ => "breaks the TLS handshake off",
    }
}

fn mistrust(fault: &rustls::Error) -> &'static str {
    use rustls::CertificateError as C;
    match fault {
        rustls::Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => "its certificate has expired",
        rustls::Error::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => {
            "its certificate is not valid yet"
        }
        rustls::Error::InvalidCertificate(C::Revoked) => "its certificate was revoked",
        rustls::Error::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => {
            "its certificate is for another address"
        }
        rustls::Error::InvalidCertificate(_) => "its certificate is not of this cluster",
        _ => "the TLS handshake failed",
    }
}

/// The first cause of type `T`, also inside an [`io::Error`], where TLS errors hide.
fn cause<'a, T: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(at) = next {
        if let Some(found) = at.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = at.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner as &(dyn std::error::Error + 'static)),
            None => at.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fault: &rustls::Error) -> Error {
        let address = Address {
            host: "127.0.0.9".to_owned(),
            port: 5432,
        };
        tls_fault(&address, fault)
    }

    #[test]
    fn an_alert_is_told_as_what_the_other_side_does() {
        for (alert, expected) in [
            (
                AlertDescription::CertificateRevoked,
                "127.0.0.9:5432 refuses this node's certificate: it was revoked",
            ),
            (
                AlertDescription::UnknownCA,
                "127.0.0.9:5432 refuses this node's certificate",
            ),
            (
                AlertDescription::HandshakeFailure,
                "127.0.0.9:5432 breaks the TLS handshake off",
            ),
        ] {
            let error = told(&rustls::Error::AlertReceived(alert));
            assert_eq!((error.to_string().as_str(), error.kind()), (expected, Kind::Forbidden));
        }
    }

    #[test]
    fn a_certificate_this_node_refuses_is_told_as_whose_it_is() {
        let error = told(&rustls::Error::InvalidCertificate(CertificateError::Expired));
        assert_eq!(
            error.to_string(),
            "127.0.0.9:5432 is not who it should be: its certificate has expired"
        );
    }
}
