//! What is installed on this node: its certificate, the key, and whom it believes.

use std::fs;
use std::path::Path;

use certs::{Authority, Identity};
use keystead::{Error, Result};
use zeroize::Zeroizing;

use super::Known;
use crate::agent::Agent;

/// As the files say.
pub(super) struct Own {
    pub(super) certificate: String,
    pub(super) key: Zeroizing<String>,
    pub(super) chain: String,
    pub(super) serial: String,
    /// The fingerprint of the authority that issued the certificate.
    pub(super) authority: String,
    /// Does the certificate name this node beside its address?
    pub(super) names_node: bool,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl Own {
    /// Reads it.
    ///
    /// # Errors
    /// When the certificate is of an authority that `known` has not: the database is older than the files, and must
    /// catch up before anything is decided by it.
    pub(super) fn read(agent: &Agent, known: &Known) -> Result<Self> {
        let paths = agent.postgres.paths();
        let certificate = read(&paths.tls_certificate())?;
        let wrong = |cause| Error::internal("reading this node's certificate", cause);
        let issued_it = |one: &&Authority| one.has_issued(&certificate).unwrap_or_default();
        let authority = known.keyring.authorities().find(issued_it).ok_or_else(|| {
            Error::unavailable("this node's certificate is of an authority that its database does not know")
        })?;
        let identity = Identity::from_pem(&certificate).map_err(wrong)?;
        Ok(Self {
            key: Zeroizing::new(read(&paths.tls_key())?),
            chain: read(&paths.tls_authority())?,
            serial: identity.serial,
            authority: authority.fingerprint(),
            names_node: identity.names_node,
            not_before: identity.not_before,
            not_after: identity.not_after,
            certificate,
        })
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|cause| {
        tracing::error!(path = %path.display(), "this file of the node's identity cannot be read");
        Error::internal("reading this node's certificate", cause)
    })
}
