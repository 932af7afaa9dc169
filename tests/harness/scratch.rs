//! Folders for what a test makes: short names, so that a socket fits in, and gone with the test.
//!
//! Decides where they are: in memory when there is room, because making a PostgreSQL there takes a tenth of the time.

use std::path::Path;

use anyhow::{Context as _, Result};
use nix::sys::statvfs::statvfs;
use tempfile::TempDir;

/// A whole cluster of a test fits in this many bytes.
const ROOM: u64 = 2 << 30;

/// Makes an empty folder.
pub(crate) fn folder() -> Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let place = if free(memory) >= ROOM {
        memory
    } else {
        Path::new("/tmp")
    };
    let folder = tempfile::Builder::new().prefix("ks-").tempdir_in(place);
    folder.with_context(|| format!("cannot make a folder in {}", place.display()))
}

fn free(place: &Path) -> u64 {
    statvfs(place).map_or(0, |fs| fs.blocks_available() * fs.fragment_size())
}
