//! Deleting a key: for good, on every node, whatever their clocks say.

use keystead::replication::ack::{Ack, Operation, Written};
use keystead::{Error, Result};

use super::find::{Named, find, not_found};
use crate::acknowledge;
use crate::agent::Agent;

/// Deletes a key. Answers the version of the deletion.
pub(crate) async fn delete(agent: &Agent, named: &Named<'_>, ack: Option<Ack>) -> Result<(i64, Ack)> {
    let key = find(&*agent.db.get().await?, named).await?;
    if key.undeletable {
        return Err(Error::conflict(format!(
            "the key {:.80} was made undeletable",
            key.name
        )));
    }
    let write = acknowledge::begin(agent, ack, Operation::MakesOrEndsKey).await?;
    let made = write
        .make(|| sql::key::delete(write.db(), &key.id, write.peers()))
        .await?;
    // Whoever deleted it meanwhile has got the answer; for this one it is not there.
    let version = made.value().ok_or_else(not_found)?;
    tracing::info!(key = key.id, "a key was deleted");
    let ack = made.acknowledged(|| Written {
        id: key.id,
        row_version: version,
    })?;
    Ok((version, ack))
}
