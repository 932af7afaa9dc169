//! Restoring a backup: this node's users' data is replaced by what is in a file, all of it or nothing.
//!
//! Only on a node that is in no cluster, and while it runs the node enters none: `changing` is held while either begins. What
//! is replaced is backed up before. The new rows and the keys that open them come with one commit, so a crash leaves the old
//! data or the new. Repeating it does no harm.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt as _;
use keystead::api::backup::{BackupStatus, RestoreRequest};
use keystead::backup::{NewBackup, may_restore};
use keystead::{Error, Result};
use sql::Connection;
use sql::backup::Table;

use super::create::{self, all_open};
use super::file::{Kek, Piece, Reader};
use super::operation::{Deed, Operation};
use super::{ONE_CALL, catalogue, keys, operation};
use crate::agent::{Agent, Standing};
use crate::crash_point::{crash_point, halting_point};
use crate::vault::WrappingKey;

/// How long between two attempts to do what must be done.
const LOOK: Duration = Duration::from_secs(1);

/// Begins to restore a backup; answers with its end, or with how far it is when that takes long.
pub(crate) async fn restore(agent: &Arc<Agent>, id: &str, asked: &RestoreRequest) -> Result<BackupStatus> {
    let (working, id, force) = (Arc::clone(agent), id.to_owned(), asked.force);
    let work = async move {
        let (operation, key) = begin(&working, &id, force).await?;
        let restored = run(&working, &id, &key, &operation.run).await;
        working.stand(Standing::Alone);
        operation::end(&working, operation, restored.as_ref().copied()).await;
        restored
    };
    let ended = tokio::time::timeout(ONE_CALL, agent.tasks.see_through("restore", work)).await;
    // Not ended yet is no error: the answer says so.
    ended.unwrap_or(Ok(()))?;
    Ok(agent.operations.status())
}

/// From its end on this node takes no other call and enters no cluster, until the restore has ended.
async fn begin(agent: &Agent, id: &str, force: bool) -> Result<(Operation, WrappingKey)> {
    let _changing = agent.changing.lock().await;
    may_begin(agent.standing())?;
    let file = catalogue::open(agent, id).await?;
    may_restore(&file.header.product_version, &crate::version::version(), force)?;
    let key = keys::open(agent, &file.header.backup_key).await?;
    let operation = operation::begin(agent, Deed::Restore, id, None).await?;
    agent.stand(Standing::Restoring);
    tracing::warn!(target: "audit", id, "a backup is restored");
    Ok((operation, key))
}

fn may_begin(standing: Standing) -> Result<()> {
    match standing {
        Standing::Alone => Ok(()),
        Standing::Restoring => Err(restoring()),
        Standing::Joining => Err(
            Error::conflict("this node is joining a cluster, whose data replaces its own")
                .with_hint("if it is to be restored instead, end the join with `ksctl cluster delete`"),
        ),
        Standing::Member | Standing::Fenced => Err(Error::conflict(
            "this node is a member of a cluster, whose data is on all members",
        )
        .with_hint("restore on a node that is in no cluster, make a cluster with it, and join the others to it")),
        Standing::Killed | Standing::Removed => Err(Error::conflict(
            "this node still holds the configuration of a cluster it is not in",
        )
        .with_hint("run `ksctl cluster delete` on it first")),
    }
}

/// What a node says that is to do something else meanwhile.
pub(crate) fn restoring() -> Error {
    Error::conflict("a backup is being restored on this node")
        .with_hint("wait until it has ended: `ksctl backup status` shows it")
}

async fn run(agent: &Agent, id: &str, key: &WrappingKey, run: &str) -> Result<()> {
    // Calls that were let in before: what they write is to be replaced, not to be written afterwards with keys of before.
    let _no_call = agent.calls.write().await;
    crash_point("restore::begun");
    catalogue::open(agent, id).await?.unlock(key).await?.check().await?;
    keep_what_is_there(agent, id).await?;
    let file = catalogue::open(agent, id).await?.unlock(key).await?;
    catalogue::has_room(agent, 2 * catalogue::get(agent, id).await?.size)?;
    let replaced = replace(agent, file, run).await;
    if let Err(error) = replaced
        && !is_committed(agent, run).await
    {
        return Err(error);
    }
    crash_point("restore::replaced");
    open_keys(agent).await;
    Ok(())
}

/// Is the data of this run there? The answer to its commit may have been lost, and who asks must know. If the agent ends
/// before, the next one sees.
async fn is_committed(agent: &Agent, run: &str) -> bool {
    loop {
        match restored(agent).await {
            Ok(restored) => return restored.as_deref() == Some(run),
            Err(error) => wait(&error).await,
        }
    }
}

async fn restored(agent: &Agent) -> Result<Option<String>> {
    Ok(sql::backup::restored(&*agent.db().await?).await?)
}

/// The data is there; without its keys nobody could use it, so this goes on until they are open.
async fn open_keys(agent: &Agent) {
    while let Err(error) = agent.open_keyring().await {
        wait(&error).await;
    }
}

async fn wait(error: &Error) {
    tracing::warn!(error = error.chain(), "a restore cannot be ended now, trying again");
    tokio::time::sleep(LOOK).await;
}

/// Backs up the data that is about to go, if there are keys in it.
async fn keep_what_is_there(agent: &Agent, id: &str) -> Result<()> {
    if !sql::backup::has_keys(&*agent.db().await?).await? {
        return Ok(());
    }
    let asked = NewBackup {
        description: format!("what was on this node before backup {id} was restored"),
        backup_key: None,
    };
    let (header, key) = create::prepare(agent, asked).await?;
    create::make(agent, &header, &key).await
}

async fn replace(agent: &Agent, mut file: Reader, run: &str) -> Result<()> {
    // A connection of its own: when the restore is cut off, its transaction goes with it.
    let db = sql::connect(&agent.postgres.config(sql::database::CLUSTER)).await?;
    sql::backup::begin_restore(&db).await?;
    let keks = fill(&db, &mut file).await?;
    all_open(&sql::backup::epochs(&db).await?, &keks)?;
    sql::backup::end_rows(&db).await?;
    let keyring = agent.keyring()?;
    for kek in &keks {
        let row = keyring.wrap_key_encryption_key(kek.epoch, &WrappingKey::from_bytes(&kek.secret)?)?;
        sql::cluster_key::put(&db, &row).await?;
    }
    crash_point("restore::filled");
    halting_point("restore::halt").await;
    Ok(sql::backup::end_restore(&db, run).await?)
}

/// Puts all rows into their tables. The keys that open them.
async fn fill(db: &Connection, file: &mut Reader) -> Result<Vec<Kek>> {
    let (mut opening, mut next) = (Vec::new(), file.next().await?);
    while let Some(piece) = next {
        next = match piece {
            Piece::Keys(keys) => {
                opening = keys;
                file.next().await?
            }
            Piece::Table(table) => {
                table.check()?;
                fill_table(db, &table, file).await?
            }
            Piece::Rows(_) => return Err(Error::invalid_param("the backup has rows that belong to no table")),
        };
    }
    Ok(opening)
}

/// Puts the rows of one table in. What comes after them.
async fn fill_table(db: &Connection, table: &Table, file: &mut Reader) -> Result<Option<Piece>> {
    let mut sink = Box::pin(sql::backup::fill(db, table).await?);
    loop {
        match file.next().await? {
            Some(Piece::Rows(rows)) => {
                let sent = sink.send(Bytes::from(rows)).await;
                sent.map_err(sql::backup::not_filled)?;
            }
            other => {
                sink.close().await.map_err(sql::backup::not_filled)?;
                return Ok(other);
            }
        }
    }
}
