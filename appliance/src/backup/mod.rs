//! Backups of the users' data: made on any node, kept as files on it, restored on a node that is in no cluster.
//!
//! What a backup is and which may be restored is decided in `keystead::backup`. `create.rs` makes one and `restore.rs`
//! restores one, `file.rs` is the format, `catalogue.rs` the folder, `keys.rs` the keys that open them, `transfer.rs` takes
//! files in and gives them out, `operation.rs` remembers what runs.

mod catalogue;
mod create;
mod file;
pub(crate) mod keys;
mod operation;
mod restore;
mod transfer;

use std::time::Duration;

use keystead::Result;
use keystead::api::backup::{Backup, BackupStatus};

pub(crate) use create::create;
pub(crate) use operation::Operations;
pub(crate) use restore::{restore, restoring};
pub(crate) use transfer::{download, upload};

use crate::agent::Agent;

/// How long a call waits for the end of what it began; well below the time after which clients hang up.
const ONE_CALL: Duration = Duration::from_secs(20);

/// All backups on this node, the oldest first, and the one that is being made.
pub(crate) async fn list(agent: &Agent) -> Result<Vec<Backup>> {
    let mut all = catalogue::list(agent).await?;
    let making = agent.operations.making();
    let making = making.filter(|making| all.iter().all(|backup| backup.id != making.id));
    all.extend(making.map(|header| catalogue::shown(&header, operation::IN_PROGRESS, 0)));
    Ok(all)
}

/// One of them.
pub(crate) async fn get(agent: &Agent, id: &str) -> Result<Backup> {
    match agent.operations.making().filter(|making| making.id == id) {
        Some(header) => Ok(catalogue::shown(&header, operation::IN_PROGRESS, 0)),
        None => catalogue::get(agent, id).await,
    }
}

/// Deletes one for good.
pub(crate) fn delete(agent: &Agent, id: &str) -> Result<()> {
    catalogue::delete(agent, id)?;
    tracing::info!(target: "audit", id, "a backup was deleted");
    Ok(())
}

/// The backup or restore that runs on this node, or the last one.
pub(crate) fn status(agent: &Agent) -> BackupStatus {
    agent.operations.status()
}

/// Takes over what ran when the agent ended. While a join makes the database anew, its data comes from no backup.
pub(crate) async fn recover(agent: &Agent) -> Result<()> {
    catalogue::forget_unfinished(agent);
    let is_wiping = agent
        .join
        .borrow()
        .as_ref()
        .is_some_and(crate::join::JoinState::is_wiping);
    let restored = if is_wiping {
        None
    } else {
        sql::backup::restored(&*agent.db().await?).await?
    };
    operation::recover(agent, restored).await
}
