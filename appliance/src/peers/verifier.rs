//! Whether the node that answers is the one that was meant: its certificate is of the cluster's authority, not revoked, made
//! out to that address, and names that node.
//!
//! The chain, the dates, the revocation lists and the address are rustls's to check; this file adds the node. What is wrong
//! with a certificate that is of the cluster is said only after the other side has proved that it holds its key: else
//! anybody on the way could show the certificate of a member and have that member suspected. It never reads a file:
//! `tls.rs` does.

use std::fmt;
use std::sync::{Arc, OnceLock};

use certs::Identity;
use keystead::NodeId;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

/// Another node than the expected one has answered, with a certificate that is good as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnotherNode {
    /// Who was meant.
    pub(super) expected: NodeId,
    /// Who answered, as its certificate says.
    pub(super) found: String,
}

impl fmt::Display for AnotherNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} answers in the place of node {}", self.found, self.expected)
    }
}

impl std::error::Error for AnotherNode {}

/// A node whose certificate was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) id: NodeId,
    /// Does the certificate name the node beside its address?
    pub(super) names_node: bool,
}

/// The node that has answered, once its certificate was found good.
pub(super) type Seen = Arc<OnceLock<Shown>>;

/// See the head of this file.
#[derive(Debug)]
pub(super) struct PeerVerifier {
    of_cluster: Arc<WebPkiServerVerifier>,
    expected: Option<NodeId>,
    /// What the certificate came to, until the key was proved. One connection, one handshake, one certificate.
    verdict: OnceLock<Result<Option<Shown>, Error>>,
    seen: Seen,
}

impl PeerVerifier {
    /// One for a connection to the node `expected`; to any node of the cluster with `None`.
    pub(super) fn new(of_cluster: Arc<WebPkiServerVerifier>, expected: Option<NodeId>) -> Self {
        Self {
            of_cluster,
            expected,
            verdict: OnceLock::new(),
            seen: Seen::default(),
        }
    }

    /// Where the node will be that has answered.
    pub(super) fn seen(&self) -> Seen {
        Arc::clone(&self.seen)
    }

    /// Says what the certificate came to, now that its key was proved.
    fn key_is_proved(&self) -> Result<(), Error> {
        let unchecked = || Error::General("a signature came before its certificate".to_owned());
        if let Some(shown) = self.verdict.get().ok_or_else(unchecked)?.clone()? {
            let _before = self.seen.set(shown);
        }
        Ok(())
    }

    /// Who it is, if it may be that one.
    fn check_node(&self, certificate: &CertificateDer<'_>) -> Result<Option<Shown>, Error> {
        let identity =
            Identity::from_der(certificate).map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let found = identity.node_id.parse::<NodeId>().ok();
        if let Some(expected) = &self.expected
            && found.as_ref() != Some(expected)
        {
            return Err(another(AnotherNode {
                expected: expected.clone(),
                found: identity.node_id,
            }));
        }
        Ok(found.map(|id| Shown {
            id,
            names_node: identity.names_node,
        }))
    }
}

fn another(found: AnotherNode) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(found))))
}

/// Whether all is well with a certificate but, perhaps, the address it is made out to.
fn is_of_cluster(verdict: &Result<ServerCertVerified, Error>) -> bool {
    matches!(
        verdict,
        Ok(_)
            | Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
            ))
    )
}

impl ServerCertVerifier for PeerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = (self.of_cluster).verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        if !is_of_cluster(&verdict) {
            return verdict;
        }
        // Who it is says more than which address it is not of.
        let outcome = self.check_node(end_entity).and_then(|shown| verdict.map(|_| shown));
        if self.verdict.set(outcome).is_err() {
            return Err(Error::General("a connection has one certificate".to_owned()));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let valid = self
            .of_cluster
            .verify_tls12_signature(message, certificate, signature)?;
        self.key_is_proved().map(|()| valid)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let valid = self
            .of_cluster
            .verify_tls13_signature(message, certificate, signature)?;
        self.key_is_proved().map(|()| valid)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.of_cluster.supported_verify_schemes()
    }
}
