//! Space that is set aside while there is plenty, and set free when the disk is full: PostgreSQL goes on with it, and
//! users can read, while somebody makes room.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use keystead::alarm::judge::Disk;
use keystead::replication::retention::reserve;

/// One file of WAL: with writes refused, PostgreSQL uses the ones it has again.
const SIZE: u64 = 16 << 20;

/// Written at once.
const CHUNK: usize = 1 << 20;

/// The file that takes the space.
#[derive(Debug, Clone)]
pub(super) struct Ballast {
    path: PathBuf,
}

impl Ballast {
    /// The one in a node's folder, which may be there from an earlier life of the agent.
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self {
            path: folder.join("ballast"),
        }
    }

    /// Bytes that were set free, or never set aside.
    pub(super) fn missing(&self) -> u64 {
        SIZE.saturating_sub(fs::metadata(&self.path).map_or(0, |file| file.len()))
    }

    /// Sets the space free on a full disk, and aside where there is plenty.
    pub(super) async fn keep(&self, disk: Disk, is_full: bool) {
        let plenty = disk.free > reserve(disk).saturating_mul(2).saturating_add(4 * SIZE);
        let is_to_fill = plenty && self.missing() > 0;
        if !(is_full || is_to_fill) {
            return;
        }
        let ballast = self.clone();
        let changed = tokio::task::spawn_blocking(move || if is_full { ballast.free() } else { ballast.fill() }).await;
        if let Ok(Err(error)) = changed {
            tracing::warn!(%error, path = %self.path.display(), "space for bad times cannot be set aside or free");
        }
    }

    fn free(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Written, not only sized: a file with holes takes no space.
    fn fill(&self) -> io::Result<()> {
        let mut file = File::create(&self.path)?;
        let chunk = vec![0; CHUNK];
        let mut left = SIZE;
        while left > 0 {
            file.write_all(&chunk)?;
            left = left.saturating_sub(CHUNK as u64);
        }
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(free: u64) -> Disk {
        Disk {
            used: (1 << 30) - free,
            free,
        }
    }

    #[tokio::test]
    async fn space_is_set_aside_where_there_is_plenty_and_set_free_when_the_disk_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let ballast = Ballast::in_folder(folder.path());
        ballast.keep(disk(100 << 20), false).await;
        assert_eq!(ballast.missing(), SIZE, "there is not plenty");
        ballast.keep(disk(500 << 20), false).await;
        assert_eq!(ballast.missing(), 0);
        ballast.keep(disk(10 << 20), true).await;
        assert_eq!(ballast.missing(), SIZE);
        ballast.keep(disk(10 << 20), true).await;
    }
}
