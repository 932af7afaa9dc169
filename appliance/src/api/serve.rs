//! Listens for users: HTTPS, until the agent stops.
//!
//! Whoever connects and says nothing is sent away: 10 s for the TLS handshake, [`HEADER_PATIENCE`] for a request's head,
//! [`super::limits::PATIENCE`] for all of it. How many there may be: `admission.rs`.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::ConnectInfo;
use axum::middleware::AddExtension;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use keystead::clock::Micros;
use keystead::config::NodeConfig;
use keystead::{Error, Kind, Result};
use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tower::{Layer as _, Service, service_fn};

use super::admission::Admission;
use super::path::PlainPaths;
use super::tls;
use crate::agent::Agent;

/// How long a client may take to send a request's head, and how long it may keep a connection that it does not use.
const HEADER_PATIENCE: Duration = Duration::from_secs(15);
/// How long requests may go on that run when the agent stops.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// The door for users: bound, not yet open.
pub(crate) struct Door {
    listener: TcpListener,
    tls: Arc<ServerConfig>,
}

impl Door {
    /// Reads or makes the certificate and takes the port, so that what is wrong with either shows at the start.
    pub(crate) fn bind(config: &NodeConfig, now: Micros) -> Result<Self> {
        let tls = tls::server_config(config, now)?;
        let listener = listen(config.rest.listen)?;
        Ok(Self { listener, tls })
    }

    /// Serves until `stop`.
    pub(crate) async fn serve(self, agent: Arc<Agent>, stop: CancellationToken) -> Result<()> {
        let listen = agent.config.rest.listen;
        let failed = |cause| Error::internal("serving REST", cause);
        let routes = PlainPaths(super::router(Arc::clone(&agent)));
        let (handle, tls) = (Handle::new(), RustlsConfig::from_config(self.tls));
        let mut server = axum_server::from_tcp_rustls(self.listener, tls.clone())
            .map_err(failed)?
            .map(|acceptor| Admission::new(acceptor, agent.config.rest.connections))
            .handle(handle.clone())
            .http1_only();
        server
            .http_builder()
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_PATIENCE);
        tracing::info!(%listen, "REST is open");
        let mut serving = std::pin::pin!(server.serve(with_peer(routes)));
        tokio::select! {
            ended = &mut serving => return ended.map_err(failed),
            never = tls::follow(&agent, &tls) => never,
            () = stop.cancelled() => handle.graceful_shutdown(Some(LAST_ANSWERS)),
        }
        serving.await.map_err(failed)
    }
}

/// The service of each connection: the same for all, and it knows whom it serves.
///
/// The peer of the TCP connection, whatever headers say: anybody can write those.
fn with_peer<S: Clone + Send + 'static>(
    service: S,
) -> impl Service<SocketAddr, Response = AddExtension<S, ConnectInfo<SocketAddr>>, Error = Infallible, Future: Send> + Clone
{
    service_fn(move |peer: SocketAddr| {
        let knowing = Extension(ConnectInfo(peer)).layer(service.clone());
        std::future::ready(Ok(knowing))
    })
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(|cause| {
        let (why, hint) = match cause.kind() {
            std::io::ErrorKind::AddrInUse => ("another program listens there", "stop it, or change rest.listen"),
            std::io::ErrorKind::PermissionDenied => (
                "ports below 1024 need root or CAP_NET_BIND_SERVICE",
                "give the right, or change rest.listen",
            ),
            std::io::ErrorKind::AddrNotAvailable => ("the machine has no such address", "change rest.listen"),
            _ => ("the machine refuses", "change rest.listen"),
        };
        Error::new(Kind::Conflict, format!("cannot listen for REST at {address}: {why}"))
            .with_hint(hint)
            .caused_by(cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_told_with_its_address() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let refused = listen(address).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("cannot listen for REST at {address}: another program listens there")
        );
    }
}
