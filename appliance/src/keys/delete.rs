//! Deleting a key: for good, on every node, whatever their clocks say.

use keystead::{Error, Result};

use super::despite_deadlocks;
use super::find::{find, not_found};
use crate::agent::Agent;

/// Deletes the key that `what` names. Answers the version of the deletion.
pub(crate) async fn delete(agent: &Agent, what: &str, kind: Option<&str>) -> Result<i64> {
    let db = agent.db.get().await?;
    let key = find(&db, what, kind).await?;
    if key.undeletable {
        return Err(Error::conflict(format!(
            "the key {:.80} was made undeletable",
            key.name
        )));
    }
    let deleted = despite_deadlocks(|| sql::key::delete(&db, &key.id)).await?;
    // Whoever deleted it meanwhile has got the answer; for this one it is not there.
    let version = deleted.ok_or_else(not_found)?;
    tracing::info!(key = key.id, "a key was deleted");
    Ok(version)
}
