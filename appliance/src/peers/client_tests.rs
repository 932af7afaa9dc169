//! Peers that take connections and stand still: before TLS, inside of it, and after they have let the node in.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use certs::{Authority, CheckedRequest, NodeKey, NodeTemplate};
use keystead::clock::Clock as _;
use keystead::deadline::Terms;
use keystead::join::request::Address;
use keystead::member::roster::Roster;
use keystead::peer::Hello;
use keystead::{Kind, NodeId};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::client::PeerClient;
use super::target::Target;
use super::{call, refusal};
use crate::clock::SystemClock;
use crate::postgres::Paths;

const SHORT: Duration = Duration::from_millis(500);

const HASTY: Terms = Terms {
    connect: SHORT,
    look: SHORT,
    // Not what ends first: a question does.
    call: SHORT.saturating_mul(4),
    slot: SHORT,
    reading: SHORT,
    standstill: SHORT,
    sizes: Terms::PRODUCT.sizes,
};

/// Any longer, and a deadline did not end it.
const PATIENCE: Duration = Duration::from_secs(20);

/// After what a peer says nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Still {
    /// After it took the connection.
    Accepted,
    /// After TLS.
    Encrypted,
    /// After it let the node in, and was ready for questions.
    Ready,
}

/// What PostgreSQL says to one that it lets in, and that it is ready.
const WELCOME: [u8; 15] = [b'R', 0, 0, 0, 8, 0, 0, 0, 0, b'Z', 0, 0, 0, 5, b'I'];

/// A peer of the same cluster on this machine, and a node that asks it.
struct Setting {
    peers: PeerClient,
    paths: Paths,
    me: NodeId,
    address: Address,
    /// Connections that the node has let go of.
    closed: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
    _serving: JoinSet<()>,
}

impl Setting {
    async fn new(still: Still) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let paths = Paths::new(folder.path());
        let now = SystemClock.now().0 / 1_000_000;
        let authority = Authority::create(&"c".repeat(32), now - 600, now + 600)?;
        let me = "a".repeat(32);
        let own = issue(&authority, &me, now)?;
        fs::create_dir_all(paths.tls_authority().parent().expect("a folder"))?;
        fs::write(paths.tls_authority(), authority.cert_pem())?;
        fs::write(paths.tls_certificate(), own.0)?;
        fs::write(paths.tls_key(), own.1)?;
        let (certificate, key) = issue(&authority, &"b".repeat(32), now)?;
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<_, _>>()?;
        let tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes())?)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (closed, mut serving) = (Arc::default(), JoinSet::new());
        serving.spawn(serve(
            listener,
            TlsAcceptor::from(Arc::new(tls)),
            still,
            Arc::clone(&closed),
        ));
        Ok(Self {
            peers: PeerClient::new(paths.clone(), HASTY),
            paths,
            me: me.parse()?,
            address: Address {
                host: "127.0.0.1".to_owned(),
                port,
            },
            closed,
            _folder: folder,
            _serving: serving,
        })
    }

    /// The peer, where it is.
    fn target(&self) -> Target {
        Target {
            address: self.address.clone(),
            id: None,
        }
    }

    /// Waits until the node has let go of so many connections.
    async fn closed(&self, connections: usize) {
        let all = async {
            while self.closed.load(Ordering::Relaxed) < connections {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let closed = tokio::time::timeout(PATIENCE, all).await;
        assert!(closed.is_ok(), "the node holds on to a connection that stands still");
    }
}

/// A certificate and its key, for a node on this machine.
fn issue(authority: &Authority, node: &str, now: i64) -> anyhow::Result<(String, String)> {
    let key = NodeKey::generate()?;
    let request = CheckedRequest::parse(&key.request("127.0.0.1")?)?;
    let template = NodeTemplate {
        node_id: node.to_owned(),
        host: "127.0.0.1".to_owned(),
        cluster_id: authority.cluster_id().to_owned(),
        not_before: now - 300,
        not_after: now + 300,
    };
    Ok((authority.issue(&request, &template)?, key.to_pem().to_string()))
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, still: Still, closed: Arc<AtomicUsize>) {
    let mut serving = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, closed) = (tls.clone(), Arc::clone(&closed));
        serving.spawn(async move {
            stand_still(stream, tls, still).await.ok();
            closed.fetch_add(1, Ordering::Relaxed);
        });
    }
}

/// Ends when the other side has gone.
async fn stand_still(mut stream: TcpStream, tls: TlsAcceptor, still: Still) -> io::Result<()> {
    if still == Still::Accepted {
        return listen(stream).await;
    }
    stream.read_exact(&mut [0; 8]).await?;
    stream.write_all(b"S").await?;
    let mut stream = tls.accept(stream).await?;
    if still == Still::Ready {
        stream.write_all(&WELCOME).await?;
        stream.flush().await?;
    }
    listen(stream).await
}

async fn listen(mut stream: impl tokio::io::AsyncRead + Unpin) -> io::Result<()> {
    let mut heard = [0; 1024];
    while stream.read(&mut heard).await? > 0 {}
    Ok(())
}

#[tokio::test]
async fn a_peer_that_stands_still_before_it_lets_the_node_in_cannot_be_reached() -> anyhow::Result<()> {
    for still in [Still::Accepted, Still::Encrypted] {
        let setting = Setting::new(still).await?;
        let target = setting.target();
        let connecting = setting.peers.connect(&setting.me, &target);
        let refused = tokio::time::timeout(PATIENCE, connecting).await?.map(drop).unwrap_err();
        assert_eq!(refused.kind(), Kind::Unavailable, "{still:?}");
        assert!(
            refused.to_string().contains("cannot be reached: it does not answer"),
            "{refused}"
        );
        setting.closed(1).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_question_to_a_peer_that_let_the_node_in_and_stands_still_is_an_error_that_names_it() -> anyhow::Result<()> {
    let setting = Setting::new(Still::Ready).await?;
    let Setting { peers, me, address, .. } = &setting;
    let peer = peers.connect(me, &setting.target()).await?;
    assert_eq!(peers.unanswered().why(address), None);
    let error = tokio::time::timeout(PATIENCE, sql::server::clock(&peer))
        .await?
        .unwrap_err();
    let error = keystead::Error::from(error);
    let text = format!("{address} did not answer the question server/clock within 500ms");
    assert_eq!((error.kind(), error.to_string()), (Kind::Unavailable, text.clone()));
    assert_eq!(peers.unanswered().why(address), Some(text));
    // Though the session is still held here.
    setting.closed(1).await;
    let again = sql::server::clock(&peer).await;
    assert!(again.is_err() && peer.is_closed());
    Ok(())
}

#[tokio::test]
async fn whoever_wants_an_answer_of_such_a_peer_hears_in_time_that_there_is_none() -> anyhow::Result<()> {
    let setting = Setting::new(Still::Ready).await?;
    let Setting { peers, me, address, .. } = &setting;
    let peer = peers.connect(me, &setting.target()).await?;
    let called = tokio::time::timeout(PATIENCE, call::ask(&peer, &Hello {})).await?;
    assert_eq!(called.unwrap_err().kind(), Kind::Unavailable);
    let reached = tokio::time::timeout(PATIENCE, peers.connect_and_ask(me, &setting.target())).await?;
    assert_eq!(reached.map(drop).unwrap_err().kind(), Kind::Unavailable);
    let questions = ("how it is", SHORT);
    let together = peers.together::<()>(address, questions, std::future::pending());
    let text = tokio::time::timeout(PATIENCE, together).await?.unwrap_err().to_string();
    assert_eq!(text, format!("{address} did not answer how it is within 500ms"));
    assert_eq!(peers.unanswered().why(address), Some(text));
    setting.closed(2).await;
    Ok(())
}

#[tokio::test]
async fn whether_a_peer_says_that_the_node_was_removed_is_not_waited_for_either() -> anyhow::Result<()> {
    for still in [Still::Accepted, Still::Encrypted] {
        let setting = Setting::new(still).await?;
        let roster = Roster { nodes: Vec::new() };
        let asked = refusal::says_removed(&setting.paths, &setting.me, &setting.address, &roster);
        let said = tokio::time::timeout(PATIENCE, asked).await?;
        assert_eq!(said.unwrap_err().kind(), Kind::Unavailable, "{still:?}");
        setting.closed(1).await;
    }
    Ok(())
}
