//! `DELETE /v1/cluster` after a failed join.
//!
//! A node whose data was untouched is as before. One that was wiped has been empty since the join was given up, with
//! the accounts it had.

use std::sync::Arc;

use keystead::Result;
use keystead::join::stage::Event;
use keystead::member::removal::still_joining;

use super::driver::ledger;
use super::withdrawal;
use crate::agent::{Agent, Standing};

/// Clears a failed join.
pub(crate) async fn clear(agent: &Arc<Agent>) -> Result<()> {
    let ledger = ledger(agent)?;
    ledger
        .stage
        .next(Event::Cleared)
        .map_err(|source| still_joining().caused_by(source))?;
    withdrawal::for_the_last_time(agent).await;
    agent.postgres.install_placeholder().await?;
    agent.set_identity(None).await?;
    agent.join.end(|| ())?;
    agent.stand(Standing::Alone);
    tracing::info!(wiped = ledger.wiped, "cleared a failed join");
    Ok(())
}
