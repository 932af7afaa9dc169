//! Telling the cluster that this node gives up joining: whichever member can be told lets go of it, and the others hear.
//!
//! The member that signed alone knows a node that was not recorded yet. When nobody can be told, the members are asked
//! again and again for as long as the join stands as failed; its certificate stays until then. Decides nothing of this node.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use keystead::join::request::Address;
use keystead::peer::Withdraw;
use keystead::{Error, Kind, NodeId, Result};

use super::driver::ledger;
use super::ledger::Ledger;
use crate::agent::{Agent, Standing};
use crate::peers::{Target, call};

/// How often a member is asked: it ends the session of a node that is gone, at times before the answer was fetched.
const TRIES: usize = 2;

/// How long telling a member may take. One whose agent stands still takes the question all the same, and answers later.
const PATIENCE: Duration = Duration::from_secs(15);

/// Between two rounds in which nobody could be told.
const PERIOD: Duration = Duration::from_secs(2);

/// Tells one member.
///
/// # Errors
/// [`Kind::Conflict`] when the members count this node as ready already, else why nobody could be told.
pub(super) async fn tell(agent: &Agent, ledger: &Ledger) -> Result<()> {
    let others = ledger.members.values().filter(|member| **member != ledger.member);
    let all = std::iter::once(&ledger.member).chain(others);
    let mut told = join_all(all.map(|member| tell_one(agent, ledger, member))).await;
    let is = |told: &Result<()>, kind| told.as_ref().is_err_and(|error| error.kind() == kind);
    let best = told
        .iter()
        .position(|told| is(told, Kind::Conflict))
        .or_else(|| told.iter().position(Result::is_ok));
    told.swap_remove(best.unwrap_or_default())
}

async fn tell_one(agent: &Agent, ledger: &Ledger, member: &Address) -> Result<()> {
    let mut outcome = Ok(());
    for _ in 0..TRIES {
        let asked = tokio::time::timeout(PATIENCE, ask(agent, ledger, member)).await;
        outcome = asked.unwrap_or_else(|_| Err(Error::unavailable(format!("{member} does not answer"))));
        match outcome.as_ref().map_err(Error::kind) {
            Ok(()) | Err(Kind::Conflict) => break,
            // It does not let this node in any more: it has let go of it. Others may not have heard of it ever.
            Err(Kind::Unauthorized | Kind::Forbidden) if knew(ledger, member) => return Ok(()),
            Err(_) => {}
        }
    }
    outcome
}

/// Did this member let the node in once?
fn knew(ledger: &Ledger, member: &Address) -> bool {
    let number = ledger.members.iter().find(|(_, address)| *address == member);
    *member == ledger.member
        || number.is_some_and(|(number, _)| *number == ledger.source || ledger.heard.contains_key(number))
}

async fn ask(agent: &Agent, ledger: &Ledger, member: &Address) -> Result<()> {
    give_back(agent, &ledger.node_id, &ledger.ticket, &ledger.target(member)).await
}

/// Tells a member that no join follows, or no longer, on this ticket.
pub(super) async fn give_back(agent: &Agent, node_id: &NodeId, ticket: &str, member: &Target) -> Result<()> {
    let member = agent.peers.connect(node_id, member).await?;
    let question = Withdraw {
        ticket: ticket.to_owned(),
    };
    call::ask(&member, &question).await
}

/// Tells it once more before the failed join is forgotten here.
pub(super) async fn for_the_last_time(agent: &Agent) {
    if let Ok(ledger) = ledger(agent)
        && !ledger.withdrawn
        && let Err(error) = tell(agent, &ledger).await
    {
        let (node_id, error) = (&ledger.node_id, error.chain());
        tracing::warn!(%node_id, error, "no member could be told that a join was given up; remove this node there");
    }
}

/// Goes on telling in the background until a member has heard, or the failed join is cleared or begun anew.
pub(super) fn go_on(agent: &Arc<Agent>) {
    let (working, stop) = (Arc::clone(agent), agent.tasks.stopping());
    agent.tasks.spawn_work("withdrawal", async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = until_told(&working) => {}
        }
    });
}

async fn until_told(agent: &Agent) {
    while agent.standing() == Standing::Killed
        && let Ok(ledger) = ledger(agent)
        && !ledger.withdrawn
    {
        if tell(agent, &ledger).await.is_ok() && settled(agent, &ledger) {
            tracing::info!("the members know that the join was given up");
            return;
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// Not when another join has begun meanwhile: its ledger is another one.
fn settled(agent: &Agent, told: &Ledger) -> bool {
    let settled = agent.join.update_of(&told.node_id, |ledger| ledger.withdrawn = true);
    settled.is_ok()
}

/// What is left to be done when nobody could be told.
pub(super) fn untold(ledger: &Ledger, error: Error) -> Error {
    Error::unavailable(format!(
        "the join has ended and this node is alone, but no member could be told: {error}"
    ))
    .with_hint(format!(
        "on a member: `ksctl cluster nodes delete --id {}`, if it lists the node",
        ledger.node_id
    ))
    .caused_by(error)
}
