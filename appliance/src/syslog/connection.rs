//! The way to one syslog server: datagrams, lines, or TLS. It decides nothing and tries nothing twice.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use keystead::syslog::Transport;
use keystead::syslog::request::Sink;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio_rustls::TlsConnector;

/// How long connecting or sending may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A stream of bytes, plain or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// See the head of this file.
pub(super) enum Connection {
    Datagrams(UdpSocket),
    Stream(Box<dyn Stream>),
}

impl Connection {
    /// Connects.
    pub(super) async fn open(sink: &Sink) -> io::Result<Self> {
        within(connect(sink)).await
    }

    /// Sends one message.
    pub(super) async fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        match self {
            Self::Datagrams(socket) => within(socket.send(frame)).await.map(drop),
            Self::Stream(stream) => {
                still_open(&mut **stream)?;
                within(async {
                    stream.write_all(frame).await?;
                    stream.flush().await
                })
                .await
            }
        }
    }
}

async fn connect(sink: &Sink) -> io::Result<Connection> {
    let address = (sink.host.as_str(), sink.port);
    if sink.transport == Transport::Udp {
        return datagrams(address).await.map(Connection::Datagrams);
    }
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    if sink.transport == Transport::Tcp {
        return Ok(Connection::Stream(Box::new(stream)));
    }
    let name = ServerName::try_from(sink.host.clone()).map_err(io::Error::other)?;
    let config = trusting(sink.ca_cert.as_deref().unwrap_or_default()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    Ok(Connection::Stream(Box::new(stream)))
}

async fn datagrams(address: (&str, u16)) -> io::Result<UdpSocket> {
    let server = lookup_host(address).await?.next();
    let server = server.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
    let any: SocketAddr = if server.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0; 16], 0).into()
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    Ok(socket)
}

/// TLS that believes these authorities alone. Without one it believes nobody.
fn trusting(ca_cert: &str) -> Result<ClientConfig, Box<dyn std::error::Error + Send + Sync>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_cert.as_bytes()) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// A server that has gone has closed its side: written to all the same, the message would be lost without a word.
fn still_open(stream: &mut dyn Stream) -> io::Result<()> {
    // Servers say nothing; whatever one says is passed over.
    let mut said = [0; 64];
    loop {
        match stream.read(&mut said).now_or_never() {
            None => return Ok(()),
            Some(Ok(0)) => return Err(io::ErrorKind::ConnectionAborted.into()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error),
        }
    }
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let outcome = tokio::time::timeout(PATIENCE, work).await;
    outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
