//! The TLS of a connection to a peer: TLS 1.3, our certificate, only the cluster's CA is believed, and no certificate that
//! is on the revocation list.
//!
//! Read from the files at every connection, so that a new certificate or list is used at once. A list that is missing or
//! cannot be read stops no link: there is an alarm about it. Who must answer is checked in `verifier.rs`.

use std::path::Path;
use std::sync::Arc;

use keystead::{Error, NodeId, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::verifier::{PeerVerifier, Seen};
use crate::postgres::Paths;

/// The client side of mutual TLS with the certificate that is installed now, to the node `expected`; to any node of the
/// cluster with `None`. With it, where the id of the node will be that answers.
///
/// # Errors
/// When a file is missing or damaged.
pub(super) fn config(paths: &Paths, expected: Option<&NodeId>) -> Result<(ClientConfig, Seen)> {
    // The files may be replaced while they are read; not twice in a row.
    read(paths, expected).or_else(|_| read(paths, expected))
}

fn read(paths: &Paths, expected: Option<&NodeId>) -> Result<(ClientConfig, Seen)> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&paths.tls_authority())? {
        roots
            .add(certificate)
            .map_err(|source| damaged(&paths.tls_authority(), source))?;
    }
    let verifier = PeerVerifier::new(of_cluster(paths, roots)?, expected.cloned());
    let seen = verifier.seen();
    let key_path = paths.tls_key();
    let key = PrivateKeyDer::from_pem_file(&key_path).map_err(|source| damaged(&key_path, source))?;
    let config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(certificates(&paths.tls_certificate())?, key)
        .map_err(|source| damaged(&paths.tls_certificate(), source))?;
    Ok((config, seen))
}

/// Checks what is the same for all nodes of the cluster.
fn of_cluster(paths: &Paths, roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>> {
    let roots = Arc::new(roots);
    let verifier = |lists: Vec<CertificateRevocationListDer<'static>>| {
        WebPkiServerVerifier::builder(Arc::clone(&roots))
            .with_crls(lists)
            .only_check_end_entity_revocation()
            // Of an authority without a list.
            .allow_unknown_revocation_status()
            .build()
    };
    verifier(lists(&paths.tls_revoked()))
        .or_else(|error| {
            tracing::debug!(%error, "the revocation list is not used");
            verifier(Vec::new())
        })
        .map_err(|source| damaged(&paths.tls_authority(), source))
}

/// The revocation lists; none when they cannot be read.
fn lists(path: &Path) -> Vec<CertificateRevocationListDer<'static>> {
    let lists = CertificateRevocationListDer::pem_file_iter(path).and_then(Iterator::collect);
    lists.unwrap_or_else(|error| {
        tracing::debug!(path = %path.display(), %error, "there is no revocation list");
        Vec::new()
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let blocks = CertificateDer::pem_file_iter(path).map_err(|source| damaged(path, source))?;
    blocks.collect::<Result<_, _>>().map_err(|source| damaged(path, source))
}

fn damaged(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    tracing::error!(path = %path.display(), "this file of the node's identity cannot be used");
    Error::internal("reading this node's certificate", source)
}
