//! Back to a new node: everything in the data folder goes, PostgreSQL with it.
//!
//! A mark in the folder says that it is to be done, and goes last: a wipe that was cut off is finished by the next start.
//! Only a start wipes, before anything is opened. Next: `crate::reset`, which leaves the mark.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use keystead::{Error, Result};
use nix::sys::signal::Signal;
use tokio::time::{sleep, timeout};

use super::folders::cannot;
use super::paths::Paths;
use super::postmaster::Postmaster;
use crate::durable;

/// How long a PostgreSQL may take to end that need not save anything.
const PATIENCE: Duration = Duration::from_secs(10);

const LOOK: Duration = Duration::from_millis(50);

/// Leaves the mark.
pub(super) fn mark(paths: &Paths) -> Result<()> {
    let path = paths.reset();
    durable::write(&path, b"", 0o600).map_err(|error| cannot("write", &path, error))
}

/// Wipes the folder when the mark is there. The caller holds its lock.
pub(super) async fn finish(paths: &Paths) -> Result<()> {
    if !paths.reset().exists() {
        return Ok(());
    }
    tracing::warn!(data_dir = %paths.data_dir().display(), "this node is reset: everything on it is deleted");
    if let Some(running) = Postmaster::of(&paths.pg()) {
        end(running, &paths.pg()).await?;
    }
    let places = paths.clone();
    tokio::task::spawn_blocking(move || wipe(&places))
        .await
        .map_err(|cause| Error::internal("wiping this node", cause))?
}

async fn end(running: Postmaster, pgdata: &Path) -> Result<()> {
    let told = running.signal(Signal::SIGQUIT);
    told.map_err(|error| Error::internal("telling PostgreSQL to stop", error))?;
    let gone = async {
        while running.still_runs(pgdata) {
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, gone)
        .await
        .map_err(|_| Error::unavailable(format!("PostgreSQL (process {}) does not stop", running.pid())))
}

fn wipe(paths: &Paths) -> Result<()> {
    let (folder, kept) = (paths.data_dir(), [paths.lock(), paths.reset()]);
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    for entry in entries.map_err(|error| cannot("read", folder, error))? {
        let path = entry.path();
        if !kept.contains(&path) {
            remove(&path).map_err(|error| cannot("remove", &path, error))?;
        }
    }
    durable::sync_folder(folder)
        .and_then(|()| durable::remove(&paths.reset()))
        .map_err(|error| cannot("remove", &paths.reset(), error))
}

/// A link is removed, not what it leads to.
fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path());
        fs::create_dir(paths.pg()).unwrap();
        for file in [
            paths.lock(),
            paths.pg().join("PG_VERSION"),
            folder.path().join("root-of-trust.key"),
        ] {
            fs::write(file, "x").unwrap();
        }
        (folder, paths)
    }

    #[tokio::test]
    async fn a_node_is_wiped_only_when_it_is_marked_and_the_mark_goes_with_it() {
        let (folder, paths) = node();
        finish(&paths).await.unwrap();
        assert!(paths.pg().join("PG_VERSION").exists());
        mark(&paths).unwrap();
        finish(&paths).await.unwrap();
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(left, [paths.lock()]);
    }

    #[tokio::test]
    async fn a_link_goes_and_what_it_leads_to_stays() {
        let (folder, paths) = node();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("kept"), "x").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("link")).unwrap();
        mark(&paths).unwrap();
        finish(&paths).await.unwrap();
        assert!(elsewhere.path().join("kept").exists() && !folder.path().join("link").exists());
    }
}
