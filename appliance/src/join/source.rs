//! The member that a join asks and copies from, and which one takes its place when it does not answer.
//!
//! Any member will do once this node was recorded: what keeps the copy whole is that the source has every other member's
//! changes up to that member's slot, and that is waited for anew (`stages/initial_sync.rs`). Taking another one never
//! waits: it costs the copy, which would begin anew after a failure in any case.

use futures_util::future::join_all;
use keystead::join::request::Address;
use keystead::{Error, Kind, NodeNumber, Result};
use sql::Connection;

use super::driver::{ledger, update};
use super::ledger::Ledger;
use crate::agent::Agent;
use crate::peers::connect;

/// A connection to the source; to another member, which then is the source, when that one does not answer.
///
/// # Errors
/// When no member answers; a refusal when a member that knew this node does not admit it any more: it was removed.
pub(super) async fn source(agent: &Agent) -> Result<Connection> {
    let ledger = ledger(agent)?;
    let target = ledger.target(address(&ledger, ledger.source)?);
    let silent = match connect::connect(&agent.peers, &ledger.node_id, &target).await {
        Err(error) if error.kind() == Kind::Unavailable => error,
        answer => return answer,
    };
    match another(agent, &ledger, address(&ledger, ledger.source)?).await? {
        Some(peer) => Ok(peer),
        None => Err(silent),
    }
}

/// Makes another member than the `silent` one the source, if one answers and admits this node.
pub(super) async fn another(agent: &Agent, ledger: &Ledger, silent: &Address) -> Result<Option<Connection>> {
    let others = ledger.members.iter().filter(|(_, address)| *address != silent);
    let asked = others.map(async |(number, address)| (*number, admitting(agent, ledger, address).await));
    for (number, answer) in join_all(asked).await {
        match answer {
            Ok(peer) => {
                tracing::warn!(%silent, to = %number, "a member does not answer, another one is the source from now on");
                update(agent, |ledger| ledger.source = number)?;
                return Ok(Some(peer));
            }
            Err(error) if error.kind() == Kind::Unavailable => {}
            Err(refused) if ledger.heard.contains_key(&number) => return Err(refused),
            // It has not heard of this node yet.
            Err(_) => {}
        }
    }
    Ok(None)
}

/// A connection to a member that gives this node the rights of a peer.
pub(super) async fn admitting(agent: &Agent, ledger: &Ledger, address: &Address) -> Result<Connection> {
    let peer = connect::connect(&agent.peers, &ledger.node_id, &ledger.target(address)).await?;
    let admitted = tokio::time::timeout(connect::PATIENCE, sql::link::is_admitted(&peer)).await;
    match admitted {
        Ok(Ok(true)) => Ok(peer),
        Ok(Ok(false)) => Err(Error::unavailable(format!("{address} has not heard of this node yet"))),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Error::unavailable(format!("{address} does not answer"))),
    }
}

/// Where a member is.
pub(super) fn address(ledger: &Ledger, member: NodeNumber) -> Result<&Address> {
    let known = ledger.members.get(&member);
    known.ok_or_else(|| Error::conflict(format!("member number {member} is not known")))
}
