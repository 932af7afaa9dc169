//! Whom this agent connects to, and whom it does not: against a server that speaks as PostgreSQL does until the handshake is
//! over, with any certificate.

use std::fs;
use std::sync::Arc;

use certs::{Authority, CheckedRequest, Identity, NodeKey, NodeTemplate};
use keystead::clock::Clock as _;
use keystead::deadline::Terms;
use keystead::join::request::Address;
use keystead::{Error, Kind, NodeId, Result};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::client::PeerClient;
use super::target::Target;
use crate::clock::SystemClock;
use crate::postgres::Paths;

const CLUSTER: &str = "ab40e1785f1d4f038b267ca378f74988";
const HOST: &str = "127.0.0.1";

/// `FATAL`, 28000: this role is not let in. What a node says that knows nothing of the other.
const NOT_ADMITTED: &[u8] = b"E\0\0\0\x1eSFATAL\0VFATAL\0C28000\0Mno\0\0";

fn id(digit: char) -> NodeId {
    digit.to_string().repeat(32).parse().unwrap()
}

fn authority() -> Authority {
    let now = SystemClock.now().0 / 1_000_000;
    Authority::create(CLUSTER, now - 86_400, now + 86_400).unwrap()
}

/// A certificate with its key.
struct Issued {
    certificate: String,
    key: String,
}

impl Issued {
    fn serial(&self) -> String {
        Identity::from_pem(&self.certificate).unwrap().serial
    }
}

/// A certificate of `authority` for the node `digit` at `host`.
fn issue(authority: &Authority, digit: char, host: &str) -> Issued {
    let now = SystemClock.now().0 / 1_000_000;
    let key = NodeKey::generate().unwrap();
    let request = CheckedRequest::parse(&key.request(host).unwrap()).unwrap();
    let template = NodeTemplate {
        node_id: id(digit).to_string(),
        host: host.to_owned(),
        cluster_id: CLUSTER.to_owned(),
        not_before: now - 86_400,
        not_after: now + 3600,
    };
    Issued {
        certificate: authority.issue(&request, &template).unwrap(),
        key: key.to_pem().to_string(),
    }
}

fn list(authority: &Authority, revoked: &[&Issued]) -> String {
    let now = SystemClock.now().0 / 1_000_000;
    let serials: Vec<String> = revoked.iter().map(|one| one.serial()).collect();
    authority.revocation_list(&serials, now - 60, now + 3600, 1).unwrap()
}

/// The node `a` that connects, with what it has in its folder.
struct Node {
    folder: TempDir,
    peers: PeerClient,
}

impl Node {
    fn new(authorities: &[&Authority]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path());
        let own = issue(authorities[0], 'a', "127.0.0.9");
        let chain: String = authorities.iter().map(|one| one.cert_pem()).collect();
        fs::create_dir(paths.tls()).unwrap();
        for (path, text) in [
            (paths.tls_certificate(), &own.certificate),
            (paths.tls_key(), &own.key),
            (paths.tls_authority(), &chain),
        ] {
            fs::write(path, text).unwrap();
        }
        Self {
            peers: PeerClient::new(paths, Terms::PRODUCT),
            folder,
        }
    }

    fn install_list(&self, text: &str) {
        fs::write(Paths::new(self.folder.path()).tls_revoked(), text).unwrap();
    }

    /// Whether the server is taken for a node of the cluster, and for the node `expected`.
    async fn reach(&self, server: &Server, expected: Option<char>) -> Result<()> {
        let address = Address {
            host: HOST.to_owned(),
            port: server.port,
        };
        let target = Target {
            address,
            id: expected.map(id),
        };
        self.peers.reach(&id('a'), &target).await
    }
}

/// Answers as long as it lives.
struct Server {
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "it ends with the test, when it is dropped")]
    async fn start(shown: &Issued) -> Self {
        let certificate = CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
        // Whether the two belong together is for the client to find out.
        let key = rustls::crypto::aws_lc_rs::sign::any_ecdsa_type(&key).unwrap();
        let shown = CertifiedKey::new(vec![certificate], key);
        let tls = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind((HOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // One that breaks off has seen enough.
                let _ended = answer(&acceptor, stream).await;
            }
        });
        Self { port, task }
    }
}

async fn answer(acceptor: &TlsAcceptor, mut stream: TcpStream) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 8]).await?;
    stream.write_all(b"S").await?;
    let mut stream = acceptor.accept(stream).await?;
    let length = stream.read_u32().await?;
    let mut startup = vec![0; usize::try_from(length).unwrap_or_default().saturating_sub(4)];
    stream.read_exact(&mut startup).await?;
    stream.write_all(NOT_ADMITTED).await?;
    stream.shutdown().await
}

fn is_refused(outcome: Result<()>, why: &str) -> Error {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden, "{}", error.chain());
    assert!(error.to_string().contains(why), "{error}");
    error
}

#[tokio::test]
async fn the_node_that_is_meant_is_reached_and_has_named_itself() {
    let authority = authority();
    let (node, server) = (
        Node::new(&[&authority]),
        Server::start(&issue(&authority, 'b', HOST)).await,
    );
    node.install_list(&list(&authority, &[]));
    assert!(!node.peers.has_named_itself(&id('b')));
    node.reach(&server, Some('b')).await.unwrap();
    node.reach(&server, None).await.unwrap();
    assert!(node.peers.has_named_itself(&id('b')) && node.peers.impostors().is_empty());
}

#[tokio::test]
async fn a_member_that_answers_at_the_address_of_another_is_refused_and_both_are_named() {
    let authority = authority();
    let node = Node::new(&[&authority]);
    // With a certificate for that address, or for its own.
    for host in [HOST, "127.0.0.7"] {
        let server = Server::start(&issue(&authority, 'c', host)).await;
        let error = is_refused(node.reach(&server, Some('b')).await, "is not who it should be: ");
        let named = |digit| error.to_string().contains(id(digit).as_str());
        assert!(named('b') && named('c'), "{error}");
        assert_eq!(node.peers.impostors()[&id('b')].found, id('c').to_string());
        assert!(!node.peers.has_named_itself(&id('c')));
    }
    let server = Server::start(&issue(&authority, 'b', HOST)).await;
    node.reach(&server, Some('b')).await.unwrap();
    assert!(node.peers.impostors().is_empty(), "the right one has answered");
}

#[tokio::test]
async fn whoever_shows_a_certificate_without_its_key_has_nobody_suspected() {
    let authority = authority();
    let node = Node::new(&[&authority]);
    for digit in ['b', 'c'] {
        let shown = Issued {
            key: issue(&authority, 'd', HOST).key,
            ..issue(&authority, digit, HOST)
        };
        let server = Server::start(&shown).await;
        is_refused(
            node.reach(&server, Some('b')).await,
            "its certificate is not of this cluster",
        );
        assert!(node.peers.impostors().is_empty() && !node.peers.has_named_itself(&id('b')));
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_from_the_moment_that_the_list_names_it() {
    let authority = authority();
    let (revoked, other) = (issue(&authority, 'b', HOST), issue(&authority, 'c', HOST));
    let (node, server) = (Node::new(&[&authority]), Server::start(&revoked).await);
    node.install_list(&list(&authority, &[&other]));
    node.reach(&server, Some('b')).await.unwrap();
    node.install_list(&list(&authority, &[&other, &revoked]));
    is_refused(node.reach(&server, Some('b')).await, "its certificate was revoked");
    is_refused(node.reach(&server, None).await, "its certificate was revoked");
    // It is not told as another node either: nothing that it says counts.
    is_refused(node.reach(&server, Some('d')).await, "its certificate was revoked");
    assert!(node.peers.impostors().is_empty());
}

#[tokio::test]
async fn while_the_authority_is_exchanged_the_list_of_each_counts_for_its_own() {
    let (old, new) = (authority(), authority());
    let node = Node::new(&[&old, &new]);
    let revoked = issue(&new, 'b', HOST);
    node.install_list(&(list(&old, &[]) + &list(&new, &[&revoked])));
    let server = Server::start(&revoked).await;
    is_refused(node.reach(&server, Some('b')).await, "its certificate was revoked");
    for good in [issue(&old, 'b', HOST), issue(&new, 'b', HOST)] {
        let server = Server::start(&good).await;
        node.reach(&server, Some('b')).await.unwrap();
    }
}

#[tokio::test]
async fn a_list_that_is_missing_damaged_or_of_another_authority_stops_no_link() {
    let (authority, other) = (authority(), authority());
    let (node, server) = (
        Node::new(&[&authority]),
        Server::start(&issue(&authority, 'b', HOST)).await,
    );
    node.reach(&server, Some('b')).await.unwrap();
    let damaged = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    for text in ["", "no list", damaged, &list(&other, &[])] {
        node.install_list(text);
        node.reach(&server, Some('b')).await.unwrap();
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_for_another_address_is_refused() {
    let (ours, stranger) = (authority(), authority());
    let node = Node::new(&[&ours]);
    let server = Server::start(&issue(&stranger, 'b', HOST)).await;
    is_refused(
        node.reach(&server, Some('b')).await,
        "its certificate is not of this cluster",
    );
    let server = Server::start(&issue(&ours, 'b', "127.0.0.7")).await;
    is_refused(
        node.reach(&server, Some('b')).await,
        "its certificate is for another address",
    );
}
