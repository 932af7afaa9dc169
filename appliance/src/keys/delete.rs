//! Deleting a key, or one of its versions: for good, on every node, whatever their clocks say.

use keystead::key::uuid;
use keystead::replication::ack::{Ack, Operation, Written};
use keystead::{Error, Result};
use sql::key::Key;

use super::find::{Named, Version, find, not_found};
use super::must_be_deletable;
use crate::acknowledge;
use crate::agent::Agent;

/// Deletes a key, of several versions the one that is named. Answers the version of the deletion.
pub(crate) async fn delete(agent: &Agent, named: &Named<'_>, ack: Option<Ack>) -> Result<(i64, Ack)> {
    let key = find(&*agent.db.get().await?, named).await?;
    says_which(agent, named, &key).await?;
    must_be_deletable(&key)?;
    let write = acknowledge::begin(agent, ack, Operation::MakesOrEndsKey).await?;
    let made = write
        .make(|| sql::key::delete(write.db(), &key.id, write.peers()))
        .await?;
    let Some(version) = *made.value() else {
        return Err(why_not(agent, &key.id).await);
    };
    tracing::info!(key = key.id, "a key was deleted");
    let ack = made.acknowledged(|| Written {
        id: key.id,
        row_version: version,
    })?;
    Ok((version, ack))
}

/// Whoever deleted it meanwhile has got the answer, and for this one it is not there; or somebody made it undeletable.
async fn why_not(agent: &Agent, id: &str) -> Error {
    let still = async { sql::key::by_id(&*agent.db().await?, id).await.map_err(Error::from) };
    match still.await {
        Ok(Some(key)) => must_be_deletable(&key).err().unwrap_or_else(not_found),
        Ok(None) => not_found(),
        Err(error) => error,
    }
}

/// A name alone does not say which of several versions goes: without its current version, a key would be the one before
/// it again, and nobody would have said so.
async fn says_which(agent: &Agent, named: &Named<'_>, key: &Key) -> Result<()> {
    if [key.id.as_str(), &uuid::of(&key.id)].contains(&named.what)
        || Version::try_from(named.version)? != Version::Named
    {
        return Ok(());
    }
    match sql::key::count_versions(&*agent.db().await?, key.first()).await? {
        0 | 1 => Ok(()),
        many => Err(Error::conflict(format!("the key {:.80} has {many} versions", key.name))
            .with_hint("say which one is to go: by its number as version, or by its id")),
    }
}
