//! The TLS of a connection to a peer: TLS 1.3, our certificate, and only the cluster's CA is believed.
//!
//! Read from the files at every connection, so that a new certificate is used at once.

use std::path::Path;

use keystead::{Error, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::postgres::Paths;

/// The client side of mutual TLS with the certificate that is installed now.
///
/// # Errors
/// When a file is missing or damaged.
pub(crate) fn connector(paths: &Paths) -> Result<MakeRustlsConnect> {
    config(paths).map(MakeRustlsConnect::new)
}

/// What such a connection presents and believes.
pub(super) fn config(paths: &Paths) -> Result<ClientConfig> {
    // The files may be replaced while they are read; not twice in a row.
    read(paths).or_else(|_| read(paths))
}

fn read(paths: &Paths) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&paths.tls_authority())? {
        roots
            .add(certificate)
            .map_err(|source| damaged(&paths.tls_authority(), source))?;
    }
    let key_path = paths.tls_key();
    let key = PrivateKeyDer::from_pem_file(&key_path).map_err(|source| damaged(&key_path, source))?;
    ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(&paths.tls_certificate())?, key)
        .map_err(|source| damaged(&paths.tls_certificate(), source))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let blocks = CertificateDer::pem_file_iter(path).map_err(|source| damaged(path, source))?;
    blocks.collect::<Result<_, _>>().map_err(|source| damaged(path, source))
}

fn damaged(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    tracing::error!(path = %path.display(), "this file of the node's identity cannot be used");
    Error::internal("reading this node's certificate", source)
}
