//! One connection to one peer, and what it means when there is none.
//!
//! The texts name the direction, the address and the way out: most joins fail on a firewall or a wrong address.

use std::io;
use std::time::Duration;

use keystead::deadline::Terms;
use keystead::join::request::Address;
use keystead::replication::names;
use keystead::{Error, Kind, NodeId, Result};
use nix::sys::socket::{setsockopt, sockopt};
use rustls::{AlertDescription, CertificateError};
use sql::{Peer, Way};
use tokio::net::TcpStream;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::sessions::Sessions;
use super::target::Target;
use super::tls;
use super::verifier::AnotherNode;
use crate::postgres::Paths;

/// Goes this way to the peer `to`, with the certificate that is installed now. `sessions` hears of it.
///
/// # Errors
/// [`Kind::Unavailable`] when it cannot be reached, [`Kind::Unauthorized`] when it does not admit this node,
/// [`Kind::Forbidden`] when either side refuses the other's certificate, or another node answers.
pub(super) async fn open(paths: &Paths, sessions: &Sessions, to: &Target, way: Way) -> Result<Peer> {
    let address = &to.address;
    let (config, seen) = tls::config(paths, to.id.as_ref())?;
    let tls = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut MakeRustlsConnect::new(config), &address.host)
        .map_err(|source| Error::internal("reading the address of a peer", source))?;
    let connected = Peer::connect(way, dial(address), tls).await;
    if let Some(shown) = seen.get() {
        sessions.answered(to, shown);
    }
    let peer = connected.map_err(|error| {
        if let Some(another) = another_node(&error) {
            sessions.another_answered(to, another);
        }
        explain(address, error)
    })?;
    if to.id.is_some() && seen.get().map(|shown| &shown.id) != to.id.as_ref() {
        return Err(Error::new(
            Kind::Internal,
            "a node was let in without a look at its certificate",
        ));
    }
    if let Some(shown) = seen.get() {
        sessions.opened(shown.id.clone(), peer.driver());
    }
    Ok(peer)
}

async fn dial(address: &Address) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    stream.set_nodelay(true)?;
    let patience = Terms::PRODUCT.connect;
    setsockopt(&stream, sockopt::KeepAlive, &true)?;
    setsockopt(&stream, sockopt::TcpKeepIdle, &seconds(patience))?;
    setsockopt(
        &stream,
        sockopt::TcpUserTimeout,
        &seconds(patience).saturating_mul(1000),
    )?;
    Ok(stream)
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// As whom, and to what. Where is said by [`dial`].
pub(super) fn config(me: &NodeId, address: &Address) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config
        .host(&address.host)
        .port(address.port)
        .user(names::role(me))
        .dbname(sql::database::CLUSTER)
        .application_name("keysteadd")
        .ssl_mode(SslMode::Require);
    config
}

fn unreachable(address: &Address, why: &str) -> Error {
    Error::unavailable(format!("{address} cannot be reached: {why}")).with_hint(format!(
        "check that the node is up and that no firewall blocks port {} in this direction",
        address.port
    ))
}

/// Decided by the kind of the failure, never by its text.
fn explain(address: &Address, error: sql::Error) -> Error {
    if matches!(error, sql::Error::Lapsed { .. }) {
        return unreachable(address, "it does not answer within 5 seconds").caused_by(error);
    }
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
fn another_node(error: &sql::Error) -> Option<&AnotherNode> {
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
