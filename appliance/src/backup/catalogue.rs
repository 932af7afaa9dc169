//! The backups that are on this node: the files in one folder, and nothing beside them that could say something else.
//!
//! A file has its name from the moment on that it is whole.

use std::io;
use std::path::{Path, PathBuf};

use keystead::api::backup::Backup;
use keystead::backup::Header;
use keystead::quota::Quota;
use keystead::replication::retention;
use keystead::{Error, Kind, Result};

use super::file::{Locked, unwritten};
use crate::agent::Agent;
use crate::{alarm, durable};

const ENDING: &str = "backup";

/// The ending of a file that is being written.
const UNFINISHED: &str = "unfinished";

fn folder(agent: &Agent) -> PathBuf {
    agent.postgres.paths().data_dir().join("backups")
}

/// Where a backup is, or would be.
///
/// # Errors
/// When that is no id: it must not lead out of the folder.
pub(super) fn path(agent: &Agent, id: &str) -> Result<PathBuf> {
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(none(id));
    }
    Ok(folder(agent).join(id).with_extension(ENDING))
}

/// A file that is being written. It goes when this is dropped before the file is kept: also when a client hangs up.
pub(super) struct Unfinished(PathBuf);

impl Unfinished {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// From now on it is the backup of this id.
    ///
    /// # Errors
    /// When there is one of this id: it stays as it is.
    pub(super) fn keep(self, agent: &Agent, id: &str) -> Result<()> {
        match durable::rename_to_new(&self.0, &path(agent, id)?) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(Error::conflict(format!("backup {id} is on this node already"))
                    .with_hint("`ksctl backup get` shows it; delete it first if it is to be replaced"))
            }
            kept => kept.map_err(unwritten),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Not there when it was kept.
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// Where a backup is while it is being written; nothing is there.
pub(super) async fn unfinished(agent: &Agent, id: &str) -> Result<Unfinished> {
    let folder = folder(agent);
    let made = tokio::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .await;
    made.map_err(unwritten)?;
    Ok(Unfinished(folder.join(id).with_extension(UNFINISHED)))
}

/// Forgets what was being written when the agent ended.
pub(super) fn forget_unfinished(agent: &Agent) {
    let files = std::fs::read_dir(folder(agent)).into_iter().flatten().flatten();
    for file in files.map(|file| file.path()) {
        if file.extension().is_some_and(|ending| ending == UNFINISHED)
            && let Err(error) = durable::remove(&file)
        {
            tracing::warn!(%error, path = %file.display(), "an unfinished backup could not be removed");
        }
    }
}

/// Refuses what would fill the disk.
pub(super) fn has_room(agent: &Agent, bytes: u64) -> Result<()> {
    if alarm::disk(agent).is_none_or(|disk| retention::has_room_for(disk, bytes)) {
        return Ok(());
    }
    Err(Error::new(
        Kind::DiskFull,
        format!(
            "there is no room for a backup of about {} MiB on the node's disk",
            (bytes >> 20) + 1
        ),
    )
    .with_hint("delete old backups with `ksctl backup delete`, or add disk space under its data_dir"))
}

/// All backups that are whole, the oldest first.
pub(super) async fn list(agent: &Agent) -> Result<Vec<Backup>> {
    let mut all = Vec::new();
    let files = std::fs::read_dir(folder(agent)).into_iter().flatten().flatten();
    for path in files.map(|file| file.path()) {
        if path.extension().is_none_or(|ending| ending != ENDING) {
            continue;
        }
        match Locked::open(&path).await {
            Ok(file) => all.push(shown(&file.header, "Completed", size(&path))),
            Err(error) => tracing::warn!(error = error.chain(), path = %path.display(), "a backup cannot be read"),
        }
    }
    all.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    Ok(all)
}

/// Refuses one more where there are enough.
pub(super) fn admits_another(agent: &Agent) -> Result<()> {
    let files = std::fs::read_dir(folder(agent)).into_iter().flatten().flatten();
    let backups = files.filter(|file| file.path().extension().is_some_and(|ending| ending == ENDING));
    Quota::Backups.admits(backups.count())
}

/// One of them.
pub(super) async fn get(agent: &Agent, id: &str) -> Result<Backup> {
    let path = path(agent, id)?;
    let file = open(agent, id).await?;
    Ok(shown(&file.header, "Completed", size(&path)))
}

/// Its file.
pub(super) async fn open(agent: &Agent, id: &str) -> Result<Locked> {
    let path = path(agent, id)?;
    if !path.exists() {
        return Err(none(id));
    }
    Locked::open(&path).await
}

/// Deletes one for good.
pub(super) fn delete(agent: &Agent, id: &str) -> Result<()> {
    let path = path(agent, id)?;
    if !path.exists() {
        return Err(none(id));
    }
    durable::remove(&path).map_err(|source| Error::internal("deleting a backup", source))
}

/// A backup as clients see it.
pub(super) fn shown(header: &Header, status: &str, size: u64) -> Backup {
    let header = header.clone();
    Backup {
        id: header.id,
        scope: "system".to_owned(),
        status: status.to_owned(),
        created_at: header.created_at,
        description: header.description,
        backup_key: header.backup_key,
        resource_types: header.resource_types,
        product_version: header.product_version,
        tied_to_hsm: false,
        size,
    }
}

fn size(path: &Path) -> u64 {
    path.metadata().map(|file| file.len()).unwrap_or_default()
}

fn none(id: &str) -> Error {
    Error::not_found(format!("no backup {id:.40} is on this node"))
        .with_hint("backups are on the node that made them: `ksctl backup list` there, or `ksctl backup upload` here")
}
