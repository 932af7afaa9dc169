//! One cluster, one node that asks to join it, at a fixed time.

use certs::{Authority, CheckedRequest, NodeKey, NodeTemplate, Result, SealHeader, hex};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PublicKeyData};

/// Now, in every test: 2027-01-15.
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const DAY: i64 = 86_400;
pub(crate) const CLUSTER: &str = "ab40e1785f1d4f038b267ca378f74988";
pub(crate) const NODE: &str = "78f3f9e6b0c14f1e9d52a3c7be713c01";
pub(crate) const SECRET: &[u8; 32] = b"the master key of the cluster...";

/// A cluster's authority, and a node with its request and certificate.
pub(crate) struct Fixture {
    pub(crate) authority: Authority,
    pub(crate) key: NodeKey,
    pub(crate) request: CheckedRequest,
    pub(crate) cert: String,
}

impl Fixture {
    pub(crate) fn new() -> Result<Self> {
        let authority = Authority::create(CLUSTER, NOW - DAY, NOW + 3650 * DAY)?;
        let key = NodeKey::generate()?;
        let request = CheckedRequest::parse(&key.request("192.0.2.7")?)?;
        let cert = authority.issue(&request, &template())?;
        Ok(Self {
            authority,
            key,
            request,
            cert,
        })
    }

    /// A good header for a seal to the node.
    pub(crate) fn header(&self) -> SealHeader {
        SealHeader {
            cluster_id: CLUSTER.to_owned(),
            node_id: NODE.to_owned(),
            ticket: "4f1e9d52".to_owned(),
            key_hash: hex(&self.key.public_key_hash()),
            sponsor: "11111111111111111111111111111111".to_owned(),
            not_after: NOW + 600,
            chain_hash: certs::chain_hash(self.authority.cert_pem()).ok(),
        }
    }

    /// The master key sealed to the node.
    pub(crate) fn sealed(&self) -> Result<String> {
        certs::seal(&self.authority, &self.request, &self.header(), SECRET)
    }
}

/// What the member decided about the node.
pub(crate) fn template() -> NodeTemplate {
    NodeTemplate {
        node_id: NODE.to_owned(),
        host: "192.0.2.7".to_owned(),
        cluster_id: CLUSTER.to_owned(),
        not_before: NOW - 300,
        not_after: NOW + 365 * DAY,
    }
}

/// A request made by other software than ours, as `change` wants it, with its key's `SubjectPublicKeyInfo`.
pub(crate) fn foreign_request(
    change: impl FnOnce(&mut CertificateParams),
) -> std::result::Result<(String, Vec<u8>), rcgen::Error> {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?;
    let mut params = CertificateParams::default();
    change(&mut params);
    let pem = params.serialize_request(&pair)?.pem()?;
    Ok((pem, pair.subject_public_key_info()))
}

/// Does `text` contain bytes of the private key in `key_pem`, in decimal or hexadecimal as `Debug` writes them, or as PEM?
pub(crate) fn shows_secret_of(key_pem: &str, text: &str) -> bool {
    let (_, block) = x509_parser::pem::parse_x509_pem(key_pem.as_bytes()).expect("PEM");
    // The 48 bytes of the number begin at byte 35 of the PKCS#8 of a P-384 key.
    let number = block.contents.get(35..83).expect("the PKCS#8 of a P-384 key");
    let secrets = number.windows(6).flat_map(|part| {
        let decimal = format!("{part:?}");
        [decimal.trim_matches(['[', ']']).to_owned(), hex(part)]
    });
    secrets
        .chain(key_pem.lines().skip(1).take(2).map(str::to_owned))
        .any(|secret| text.contains(&secret))
}

#[test]
fn a_shown_secret_would_be_seen() {
    let pem = NodeKey::generate().unwrap().to_pem();
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    assert!(shows_secret_of(&pem, &format!("{:?}", block.contents)));
    assert!(shows_secret_of(&pem, &hex(&block.contents)));
    assert!(shows_secret_of(&pem, &pem));
}
