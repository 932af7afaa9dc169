//! `DELETE /v1/cluster` while a join runs: the join ends where it stands, at any stage.
//!
//! The members let go of this node first, for only they can: slots, role, access lines, certificate. Then it keeps
//! nothing of the cluster and is a node alone. A crash in between leaves a join that the members refuse: it is killed.

use std::sync::Arc;

use keystead::join::stage::Event;
use keystead::{Error, Kind, Result};

use super::driver::{let_go, resume, update};
use super::{clear, withdrawal};
use crate::agent::{Agent, Standing};

/// Ends the join.
///
/// # Errors
/// [`Kind::Conflict`] when the members count this node as ready: then the join goes on. [`Kind::Unavailable`] when the
/// join has ended here and no member could be told.
pub(crate) async fn abort(agent: &Arc<Agent>) -> Result<()> {
    let halted = agent.driving.halt().await;
    // It may have ended while this waited for it.
    match agent.standing() {
        Standing::Joining => {}
        Standing::Killed => return clear(agent).await,
        _ => return Err(Error::conflict("the join has ended meanwhile").with_hint("`ksctl cluster info` shows how")),
    }
    let kept = update(agent, |ledger| {
        ledger.reason = Some("the administrator ended the join".to_owned());
    })?;
    let row = (kept.stage.next(Event::GaveUp)).map_err(|source| Error::internal("ending a join", source))?;
    let told = withdrawal::tell(agent, &kept).await;
    if told.as_ref().is_err_and(|error| error.kind() == Kind::Conflict) {
        update(agent, |ledger| ledger.reason = None)?;
        drop(halted);
        resume(agent);
        return told;
    }
    // When nobody could be told, the administrator is.
    if let Err(failed) = let_go(agent, row, true).await {
        // What is left is done by the join itself, which the members refuse from now on.
        drop(halted);
        resume(agent);
        return Err(failed);
    }
    clear(agent).await?;
    tracing::info!(stage = %kept.stage, "the administrator ended the join");
    told.map_err(|error| withdrawal::untold(&kept, error))
}
