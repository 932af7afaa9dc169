//! The revocation list that PostgreSQL checks members' certificates against.
//!
//! Each member makes its own, for the authority's key is in everyone's keyring: at the start of its agent, when what it
//! says changes, and long before it ends, for a list past its end makes PostgreSQL refuse everyone. It names all
//! certificates of removed nodes. While the authority is exchanged there is one list of each.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use certs::Authority;
use keystead::Result;
use keystead::certificate::Told;
use keystead::certificate::renewal::{BACKDATE_SECONDS, is_due, seconds};
use keystead::member::roster::NodeState;

use crate::agent::Agent;
use crate::cluster::{certificate_error, unix_seconds};
use crate::vault::Keyring;

/// Lists that are installed.
#[derive(Debug, Clone)]
pub(crate) struct Installed {
    /// The serial numbers on them.
    serials: BTreeSet<String>,
    /// The certificates of the authorities they are of.
    chain: String,
    not_before: i64,
    renewed_from: i64,
}

/// A list of each authority, as one text in PEM.
pub(crate) struct Lists {
    pem: Option<String>,
    says: Installed,
}

/// The serial numbers on the lists that PostgreSQL has.
pub(super) fn installed(agent: &Agent) -> BTreeSet<String> {
    let installed = agent.revoked.lock().unwrap_or_else(PoisonError::into_inner);
    installed
        .as_ref()
        .map(|lists| lists.serials.clone())
        .unwrap_or_default()
}

/// Installs lists of `serials` and what else removed nodes have, unless such lists were installed a short while ago.
pub(super) async fn install(agent: &Agent, serials: &[String]) -> Result<()> {
    let keyring = agent.keyring()?;
    let mut all = of_removed(agent).await?;
    all.extend(serials.iter().cloned());
    let now = unix_seconds(agent);
    // A node that has left a cluster and joined it again has none.
    let is_there = all.is_empty() || agent.postgres.paths().tls_revoked().exists();
    let is_new = |installed: &Installed| {
        installed.serials == all
            && installed.chain == keyring.chain()
            && !is_due(installed.not_before, installed.renewed_from, now)
    };
    let installed = agent.revoked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if is_there && installed.as_ref().is_some_and(is_new) {
        return Ok(());
    }
    let lists = Lists::make(agent, &keyring, all)?;
    if let Some(pem) = lists.pem() {
        agent.postgres.install_crl(pem).await?;
        tracing::info!(certificates = lists.says.serials.len(), "installed a revocation list");
    }
    lists.are_installed(agent);
    Ok(())
}

impl Lists {
    /// Lists of all certificates of removed nodes; without any there is no list.
    pub(crate) async fn of_removed(agent: &Agent, keyring: &Keyring) -> Result<Self> {
        Self::make(agent, keyring, of_removed(agent).await?)
    }

    /// The text, if there is one.
    pub(crate) fn pem(&self) -> Option<&str> {
        self.pem.as_deref()
    }

    /// Remembers that PostgreSQL has them.
    pub(crate) fn are_installed(self, agent: &Agent) {
        *agent.revoked.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.says);
    }

    fn make(agent: &Agent, keyring: &Keyring, serials: BTreeSet<String>) -> Result<Self> {
        let (now, lifetimes) = (unix_seconds(agent), agent.config.cluster.lifetimes);
        let (not_before, not_after) = (now - BACKDATE_SECONDS, now + seconds(lifetimes.list));
        let named: Vec<String> = serials.iter().cloned().collect();
        let list = |one: &Authority| one.revocation_list(&named, not_before, not_after, now.unsigned_abs());
        let pem: certs::Result<String> = keyring.authorities().map(list).collect();
        let pem = pem.map_err(certificate_error)?;
        Ok(Self {
            pem: (!named.is_empty()).then_some(pem),
            says: Installed {
                serials,
                chain: keyring.chain(),
                not_before,
                renewed_from: lifetimes.list_renewed_from(not_after),
            },
        })
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
