//! The member that a join asks and copies from, and which one takes its place when it does not answer.
//!
//! Any member will do once this node was recorded: what keeps the copy whole is that the source has every other member's
//! changes up to that member's slot, and that is waited for anew (`stages/initial_sync.rs`). Taking another one never
//! waits: it costs the copy, which would begin anew after a failure in any case.

use futures_util::future::join_all;
use keystead::join::request::Address;
use keystead::{Error, Kind, NodeNumber, Result};
use sql::Peer;

use super::driver::{ledger, update};
use super::ledger::Ledger;
use crate::agent::Agent;

/// A connection to the source; to another member, which then is the source, when that one does not answer.
///
/// # Errors
/// When no member answers; a refusal when a member that knew this node does not admit it any more: it was removed.
pub(super) async fn source(agent: &Agent) -> Result<Peer> {
    let ledger = ledger(agent)?;
    let source = address(&ledger, ledger.source)?;
    // One that stood still over a question, or said what cannot be, would do so again.
    if agent.peers.unanswered().why(source).is_some()
        && let Some(peer) = another(agent, &ledger, source).await?
    {
        return Ok(peer);
    }
    let silent = match agent
        .peers
        .connect_and_ask(&ledger.node_id, &ledger.target(source))
        .await
    {
        Err(error) if error.kind() == Kind::Unavailable => error,
        answer => return answer,
    };
    match another(agent, &ledger, source).await? {
        Some(peer) => Ok(peer),
        None => Err(silent),
    }
}

/// Makes another member than the `silent` one the source, if one answers and admits this node: one that has not left a
/// question unanswered lately, if there is one.
pub(super) async fn another(agent: &Agent, ledger: &Ledger, silent: &Address) -> Result<Option<Peer>> {
    let others = ledger.members.iter().filter(|(_, address)| *address != silent);
    let (doubtful, good): (Vec<_>, Vec<_>) =
        others.partition(|(_, address)| agent.peers.unanswered().why(address).is_some());
    match first_of(agent, ledger, &good, silent).await? {
        Some(peer) => Ok(Some(peer)),
        None => first_of(agent, ledger, &doubtful, silent).await,
    }
}

async fn first_of(
    agent: &Agent,
    ledger: &Ledger,
    members: &[(&NodeNumber, &Address)],
    silent: &Address,
) -> Result<Option<Peer>> {
    let asked = members
        .iter()
        .map(async |(number, address)| (**number, admitting(agent, ledger, address).await));
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
pub(super) async fn admitting(agent: &Agent, ledger: &Ledger, address: &Address) -> Result<Peer> {
    let peer = agent.peers.connect(&ledger.node_id, &ledger.target(address)).await?;
    if sql::link::is_admitted(&peer).await? {
        Ok(peer)
    } else {
        Err(Error::unavailable(format!("{address} has not heard of this node yet")))
    }
}

/// Where a member is.
pub(super) fn address(ledger: &Ledger, member: NodeNumber) -> Result<&Address> {
    let known = ledger.members.get(&member);
    known.ok_or_else(|| Error::conflict(format!("member number {member} is not known")))
}
