//! Stage 1, creating: the member that signed records this node, gives it its number, and says when it is its turn.
//!
//! Nodes join one after another, in the order in which they were recorded. Repeating it gives the same number, and the
//! place by then. Only the member that signed takes the ticket; when it dies after that, the others know number and place.

use std::time::Duration;

use keystead::join::silence::Need;
use keystead::join::stage::Event;
use keystead::peer::{Record, Recorded};
use keystead::{Error, Kind, Result};
use sql::Peer;

use super::super::driver::{ledger, update};
use super::super::source::another;
use crate::agent::Agent;
use crate::join;
use crate::peers::call;

/// How often a node that waits asks for its place. A join takes seconds at the least.
const TURN: Duration = Duration::from_secs(1);

pub(super) async fn run(agent: &Agent) -> Result<Event> {
    let kept = ledger(agent)?;
    join::need(agent, [(kept.source, Need::Answers)]);
    let silent = match through_signer(agent).await {
        Err(error) if error.kind() == Kind::Unavailable => error,
        recorded => return recorded,
    };
    match another(agent, &kept, &kept.member).await? {
        Some(peer) => through_another(agent, &peer).await,
        None => Err(silent),
    }
}

async fn through_signer(agent: &Agent) -> Result<Event> {
    let kept = ledger(agent)?;
    let member = agent.peers.connect(&kept.node_id, &kept.target(&kept.member)).await?;
    let question = Record {
        ticket: kept.ticket,
        address: kept.local,
        public_address: kept.public_address,
    };
    while !is_its_turn(agent, call::ask(&member, &question).await?)? {
        tokio::time::sleep(TURN).await;
    }
    Ok(Event::Recorded)
}

/// By what a member knows that has heard of this node.
async fn through_another(agent: &Agent, peer: &Peer) -> Result<Event> {
    join::need(agent, [(ledger(agent)?.source, Need::Answers)]);
    loop {
        let (me, roster) = (ledger(agent)?.node_id, sql::node::all(peer).await?);
        let node = roster
            .find(&me)
            .ok_or_else(|| Error::unavailable("the members have not heard of this node yet"))?;
        let members = roster.ready().map(|member| (member.number, member.address.clone()));
        let ids = roster.ready().map(|member| (member.number, member.id.clone()));
        let recorded = Recorded {
            number: node.number,
            place: roster.place(&me).unwrap_or(1),
            members: members.collect(),
            ids: ids.collect(),
        };
        if is_its_turn(agent, recorded)? {
            return Ok(Event::Recorded);
        }
        tokio::time::sleep(TURN).await;
    }
}

fn is_its_turn(agent: &Agent, recorded: Recorded) -> Result<bool> {
    let kept = ledger(agent)?;
    if (kept.number, &kept.members) != (Some(recorded.number), &recorded.members) {
        update(agent, |ledger| {
            ledger.number = Some(recorded.number);
            ledger.members = recorded.members;
            ledger.ids = recorded.ids;
        })?;
    }
    let place = Some(recorded.place).filter(|place| *place > 1);
    let is_new = agent
        .join
        .borrow()
        .as_ref()
        .is_some_and(|join| join.progress.place != place);
    if is_new && place.is_some() {
        tracing::info!(place, "waiting for other nodes to join");
        super::report(agent, |progress| {
            progress.place = place;
            progress.last_error = None;
        });
    }
    Ok(place.is_none())
}
