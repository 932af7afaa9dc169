//! Stage 1, creating: the member that signed records this node and gives it its number.
//!
//! Repeating it gives the same number. While another node joins, the member answers "consensus is down" and the driver
//! asks again.

use keystead::Result;
use keystead::join::stage::Event;
use keystead::peer::Record;

use super::super::driver::{ledger, update};
use crate::agent::Agent;
use crate::peers::call;

pub(super) async fn run(agent: &Agent) -> Result<Event> {
    let ledger = ledger(agent)?;
    let member = super::sponsor(agent).await?;
    let question = Record {
        ticket: ledger.ticket,
        address: ledger.local,
        public_address: ledger.public_address,
    };
    let number = call::ask(&member, &question).await?;
    update(agent, |ledger| ledger.number = Some(number))?;
    Ok(Event::Recorded)
}
