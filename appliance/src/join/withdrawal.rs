//! Telling the cluster that this node gives up joining: whichever member can be told lets go of it, and the others hear.
//!
//! The member that signed comes first: it alone knows a node that was not recorded yet. Decides nothing of this node.

use futures_util::future::join_all;
use keystead::join::request::Address;
use keystead::peer::Withdraw;
use keystead::{Error, Kind, NodeId, Result};

use super::ledger::Ledger;
use crate::agent::Agent;
use crate::peers::{call, connect};

/// How often a member is asked: it ends the session of a node that is gone, at times before the answer was fetched.
const TRIES: usize = 2;

/// Tells one member.
///
/// # Errors
/// [`Kind::Conflict`] when the members count this node as ready already, else why nobody could be told.
pub(super) async fn tell(agent: &Agent, ledger: &Ledger) -> Result<()> {
    let untold = match tell_sponsor(agent, ledger).await {
        Err(error) if error.kind() != Kind::Conflict => error,
        told => return told,
    };
    let others = ledger.members.iter().filter(|member| **member != ledger.member);
    for told in join_all(others.map(|member| ask(agent, ledger, member))).await {
        if told
            .as_ref()
            .map_or_else(|error| error.kind() == Kind::Conflict, |()| true)
        {
            return told;
        }
    }
    Err(untold)
}

async fn tell_sponsor(agent: &Agent, ledger: &Ledger) -> Result<()> {
    let mut outcome = Ok(());
    for _ in 0..TRIES {
        outcome = ask(agent, ledger, &ledger.member).await;
        match outcome.as_ref().map_err(Error::kind) {
            Ok(()) | Err(Kind::Conflict) => break,
            // It does not let this node in any more: it has let go of it.
            Err(Kind::Unauthorized | Kind::Forbidden) => return Ok(()),
            Err(_) => {}
        }
    }
    outcome
}

async fn ask(agent: &Agent, ledger: &Ledger, member: &Address) -> Result<()> {
    give_back(agent, &ledger.node_id, &ledger.ticket, member).await
}

/// Tells a member that no join follows, or no longer, on this ticket.
pub(super) async fn give_back(agent: &Agent, node_id: &NodeId, ticket: &str, member: &Address) -> Result<()> {
    let member = connect::connect(agent.postgres.paths(), node_id, member).await?;
    let question = Withdraw {
        ticket: ticket.to_owned(),
    };
    call::ask(&member, &question).await
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
