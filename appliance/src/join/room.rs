//! Room on this node's disk while it joins.
//!
//! A join copies what may be more than fits, and PostgreSQL does not start on a full disk. So a reserve is set aside for as
//! long as the join runs, and given back when the disk is full: then PostgreSQL starts again, the half copy goes, and the
//! members are told. Decides when the disk counts as full; how the join ends then is the driver's.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use keystead::{Error, Result};
use nix::fcntl::posix_fallocate;

use super::ledger::Ledger;
use crate::blocking::in_place;
use crate::durable;
use crate::postgres::Paths;

/// What PostgreSQL needs to start, to drop a database and to make an empty one.
const RESERVE: u64 = 64 << 20;

/// Less than this is free: the next file of PostgreSQL's log, of 16 MB, may be the one that does not fit. What stopped for
/// want of it leaves less than that, and so is seen, however fast the disk filled.
const LEAST: u64 = 17 << 20;

fn path(paths: &Paths) -> PathBuf {
    paths.data_dir().join("join.reserve")
}

/// Sets the reserve aside.
///
/// # Errors
/// When there is no room for it: then there is none for a join.
pub(super) fn reserve(paths: &Paths) -> Result<()> {
    let make = || {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path(paths))?;
        Ok(posix_fallocate(&file, 0, i64::try_from(RESERVE).unwrap_or(i64::MAX))?)
    };
    in_place(make).map_err(|source: std::io::Error| {
        // Nothing of it is to stay.
        release(paths);
        no_space(paths).caused_by(source)
    })
}

/// Gives the reserve back, if it is there.
pub(super) fn release(paths: &Paths) {
    let path = path(paths);
    if path.exists()
        && let Err(error) = durable::remove(&path)
    {
        tracing::warn!(%error, path = %path.display(), "the reserve of the join could not be removed");
    }
}

/// Gives the reserve back when the disk is full as this agent starts: PostgreSQL might not. There is none a second time, so
/// the join ends.
pub(crate) fn make_room(paths: &Paths) -> Result<()> {
    if !path(paths).exists() {
        return Ok(());
    }
    let (Err(full), Some(mut ledger)) = (check(paths), Ledger::load(paths)?) else {
        return Ok(());
    };
    release(paths);
    ledger.condemn(&full);
    ledger.save(paths)
}

/// Is there room to go on?
///
/// # Errors
/// When there is not.
pub(super) fn check(paths: &Paths) -> Result<()> {
    if free_bytes(paths.data_dir())? < LEAST {
        return Err(no_space(paths));
    }
    Ok(())
}

/// The disk is full, as people are told.
pub(super) fn no_space(paths: &Paths) -> Error {
    let folder = paths.data_dir().display();
    Error::conflict(format!("no space is left for the cluster's data in {folder}"))
        .with_hint("free or add disk space there, then join again")
}

/// What is free where this folder is.
pub(super) fn free_bytes(folder: &Path) -> Result<u64> {
    let measured = in_place(|| nix::sys::statvfs::statvfs(folder));
    let volume = measured.map_err(|source| Error::internal("measuring the disk", source))?;
    Ok(volume.blocks_available() * volume.fragment_size())
}
