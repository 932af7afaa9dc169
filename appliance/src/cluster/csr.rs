//! `cluster csr`: a new key that never leaves this node, and a request to have it signed.
//!
//! Asking again makes a new key; the last one counts.

use std::path::PathBuf;
use std::sync::Arc;

use certs::NodeKey;
use keystead::api::cluster::{CsrAnswer, CsrRequest};
use keystead::{Error, Result};

use super::{certificate_error, check_host};
use crate::agent::{Agent, Standing};
use crate::{backup, durable, private_file};

/// What the request says when no host was given. Nobody believes it: the member decides the name.
const NO_HOST: &str = "joining.invalid";

fn pending_path(agent: &Agent) -> PathBuf {
    agent.postgres.paths().data_dir().join("pending").join("node.key")
}

/// Makes a key and a signing request for it.
pub(crate) async fn csr(agent: &Arc<Agent>, asked: CsrRequest) -> Result<CsrAnswer> {
    let _changing = agent.changing.lock().await;
    match agent.standing() {
        Standing::Alone | Standing::Killed => {}
        Standing::Restoring => return Err(backup::restoring()),
        Standing::Joining => return Err(Error::conflict("this node is joining a cluster")),
        Standing::Member | Standing::Fenced | Standing::Removed => {
            return Err(Error::conflict("this node is in a cluster already").with_hint(
                "remove it on another member with `ksctl cluster nodes delete`, then run `ksctl cluster delete` on it",
            ));
        }
    }
    if let Some(host) = &asked.local_node_host {
        check_host(agent, "localNodeHost", host)?;
    }
    let (key, path) = (NodeKey::generate().map_err(certificate_error)?, pending_path(agent));
    let csr = key
        .request(asked.local_node_host.as_deref().unwrap_or(NO_HOST))
        .map_err(certificate_error)?;
    tokio::task::spawn_blocking(move || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        durable::write(&path, key.to_pem().as_bytes(), 0o600)
    })
    .await
    .map_err(|source| Error::internal("keeping the key of a request", source))?
    .map_err(|source| Error::internal("keeping the key of a request", source))?;
    Ok(CsrAnswer { csr })
}

/// The key of the last request.
///
/// # Errors
/// When no request was made here.
pub(crate) fn pending_key(agent: &Agent) -> Result<NodeKey> {
    let path = pending_path(agent);
    if !path.exists() {
        return Err(Error::conflict("no certificate request was made on this node")
            .with_hint("run `ksctl cluster csr` on it and have the result signed by a member"));
    }
    private_file::check(&path, None)?;
    let pem = std::fs::read_to_string(&path).map_err(|source| Error::internal("reading the pending key", source))?;
    NodeKey::from_pem(&pem).map_err(certificate_error)
}

/// Forgets the key of the last request: a join has taken it.
pub(crate) fn drop_pending_key(agent: &Agent) -> Result<()> {
    match durable::remove(&pending_path(agent)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::internal("removing the pending key", error))
        }
        _ => Ok(()),
    }
}
