//! The revocation list that members' certificates are checked against: by PostgreSQL when they connect, and by
//! subscriptions and the agent when this node connects to them.
//!
//! Each member makes its own, for the authority's key is in everyone's keyring: at the start of its agent, when what it
//! says changes, when the file is not as it was written, and long before it ends, for a list past its end makes PostgreSQL
//! refuse everyone. It names all certificates of removed nodes, and is there also when it names none: libpq says nothing
//! when there is no such file. While the authority is exchanged there is one list of each.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::PoisonError;

use certs::Authority;
use keystead::Result;
use keystead::certificate::Told;
use keystead::certificate::renewal::{BACKDATE_SECONDS, is_due, seconds};
use keystead::member::roster::NodeState;

use crate::agent::Agent;
use crate::cluster::{certificate_error, unix_seconds};
use crate::postgres::Paths;
use crate::vault::Keyring;

/// Lists that are installed.
#[derive(Debug, Clone)]
pub(crate) struct Installed {
    /// The serial numbers on them.
    serials: BTreeSet<String>,
    /// The certificates of the authorities they are of.
    chain: String,
    pem: String,
    not_before: i64,
    renewed_from: i64,
}

/// A list of each authority, as one text in PEM.
pub(crate) struct Lists(Installed);

/// The serial numbers on the lists that PostgreSQL has.
pub(super) fn installed(agent: &Agent) -> BTreeSet<String> {
    let installed = agent.revoked.lock().unwrap_or_else(PoisonError::into_inner);
    installed
        .as_ref()
        .map(|lists| lists.serials.clone())
        .unwrap_or_default()
}

/// What is wrong with the file, if anything: libpq says nothing of one that it cannot use, and checks nothing.
pub(crate) fn check(paths: &Paths) -> std::result::Result<(), String> {
    let path = paths.tls_revoked();
    let text = fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    if !postgres_can_read(paths) {
        return Err(format!("{} cannot be read by PostgreSQL's account", path.display()));
    }
    let chain = fs::read_to_string(paths.tls_authority()).map_err(|error| error.to_string())?;
    match certs::unchecked_authorities(&chain, &text) {
        Ok(0) => Ok(()),
        Ok(count) => Err(format!("{} has no list of {count} of the authorities", path.display())),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// Is the list as the node's key is, without which PostgreSQL connects to nobody?
fn postgres_can_read(paths: &Paths) -> bool {
    let (list, key) = (fs::metadata(paths.tls_revoked()), fs::metadata(paths.tls_key()));
    matches!((list, key), (Ok(list), Ok(key)) if list.uid() == key.uid() && list.mode() & 0o400 != 0)
}

/// Installs lists, when the keys of the authorities have just been opened.
pub(crate) async fn install_now(agent: &Agent) -> Result<()> {
    install(agent, &[]).await
}

/// Installs lists of `serials` and what else removed nodes have, unless such lists are there that were made a short while
/// ago.
pub(super) async fn install(agent: &Agent, serials: &[String]) -> Result<()> {
    let keyring = agent.keyring()?;
    let mut all = of_removed(agent).await?;
    all.extend(serials.iter().cloned());
    let now = unix_seconds(agent);
    // A node that has left a cluster and joined it again has none, and files can be damaged.
    let file = fs::read(agent.postgres.paths().tls_revoked()).unwrap_or_default();
    let is_new = |installed: &Installed| {
        installed.serials == all
            && installed.chain == keyring.chain()
            && installed.pem.as_bytes() == file
            && postgres_can_read(agent.postgres.paths())
            && !is_due(installed.not_before, installed.renewed_from, now)
    };
    let installed = agent.revoked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if installed.as_ref().is_some_and(is_new) {
        return Ok(());
    }
    let lists = Lists::make(agent, &keyring, all)?;
    agent.postgres.install_crl(lists.pem()).await?;
    tracing::info!(certificates = lists.0.serials.len(), "installed a revocation list");
    lists.are_installed(agent);
    Ok(())
}

impl Lists {
    /// Lists of all certificates of removed nodes.
    pub(crate) async fn of_removed(agent: &Agent, keyring: &Keyring) -> Result<Self> {
        Self::make(agent, keyring, of_removed(agent).await?)
    }

    /// The text.
    pub(crate) fn pem(&self) -> &str {
        &self.0.pem
    }

    /// Remembers that PostgreSQL has them.
    pub(crate) fn are_installed(self, agent: &Agent) {
        *agent.revoked.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.0);
    }

    fn make(agent: &Agent, keyring: &Keyring, serials: BTreeSet<String>) -> Result<Self> {
        let (now, lifetimes) = (unix_seconds(agent), agent.config.cluster.lifetimes);
        let (not_before, not_after) = (now - BACKDATE_SECONDS, now + seconds(lifetimes.list));
        let named: Vec<String> = serials.iter().cloned().collect();
        let list = |one: &Authority| one.revocation_list(&named, not_before, not_after, now.unsigned_abs());
        let pem: certs::Result<String> = keyring.authorities().map(list).collect();
        Ok(Self(Installed {
            serials,
            chain: keyring.chain(),
            pem: pem.map_err(certificate_error)?,
            not_before,
            renewed_from: lifetimes.list_renewed_from(not_after),
        }))
    }
}

/// The serial numbers of all certificates of removed nodes: the first ones, and those by which they were renewed.
async fn of_removed(agent: &Agent) -> Result<BTreeSet<String>> {
    let db = agent.db().await?;
    let (roster, told) = (sql::node::all(&db).await?, sql::node_certificate::all(&db).await?);
    let removed = roster.nodes.iter().filter(|node| node.state == NodeState::Removed);
    let serials = removed.flat_map(|node| {
        let renewed = told.get(&node.id).into_iter().flat_map(Told::serials);
        std::iter::once(node.serial.clone()).chain(renewed.map(str::to_owned))
    });
    Ok(serials.collect())
}
