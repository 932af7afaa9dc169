//! Stage 1, creating: the member that signed records this node, gives it its number, and says when it is its turn.
//!
//! Nodes join one after another, in the order in which they were recorded. Repeating it gives the same number, and the
//! place by then.

use std::time::Duration;

use keystead::Result;
use keystead::join::stage::Event;
use keystead::peer::Record;

use super::super::driver::{ledger, update};
use crate::agent::Agent;
use crate::peers::call;

/// How often a node that waits asks for its place. A join takes seconds at the least.
const TURN: Duration = Duration::from_secs(1);

pub(super) async fn run(agent: &Agent) -> Result<Event> {
    let kept = ledger(agent)?;
    let member = super::sponsor(agent).await?;
    let question = Record {
        ticket: kept.ticket,
        address: kept.local,
        public_address: kept.public_address,
    };
    let mut told = None;
    loop {
        let recorded = call::ask(&member, &question).await?;
        let kept = ledger(agent)?;
        if (kept.number, &kept.members) != (Some(recorded.number), &recorded.members) {
            update(agent, |ledger| {
                ledger.number = Some(recorded.number);
                ledger.members = recorded.members;
            })?;
        }
        if recorded.place <= 1 {
            return Ok(Event::Recorded);
        }
        if told.replace(recorded.place) != Some(recorded.place) {
            tracing::info!(place = recorded.place, "waiting for other nodes to join");
            super::report(agent, |progress| {
                progress.place = Some(recorded.place);
                progress.last_error = None;
            });
        }
        tokio::time::sleep(TURN).await;
    }
}
