//! Small disks for nodes, and files that fill them.
//!
//! They are in memory, and in a mount namespace of the test alone: however the test ends, they are gone with it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use nix::fcntl::posix_fallocate;
use nix::sched::{CloneFlags, unshare};
use nix::sys::statvfs::statvfs;
use nix::unistd::Uid;

use super::run::succeed;

/// Written at once.
const CHUNK: usize = 1 << 20;

/// Runs a test that can make disks. Needs root.
///
/// The test's thread leaves the mounts of the machine before it makes the runtime, so that every thread of it has.
pub(crate) fn on_volumes<T>(test: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
    ensure!(
        Uid::effective().is_root(),
        "this test needs root, to give a node a small disk: run it as root"
    );
    unshare(CloneFlags::CLONE_NEWNS).context("cannot make a mount namespace")?;
    succeed(Command::new("mount").args(["--make-rprivate", "/"]))?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().build()?.block_on(test())
}

/// A disk of its own for the folder of a node.
pub(crate) struct Volume {
    folder: PathBuf,
}

impl Volume {
    /// Mounts a disk of so many megabytes at `folder`, which is made.
    pub(crate) fn mount(folder: &Path, megabytes: u64) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let size = format!("size={megabytes}m,mode=0711");
        succeed(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
                .arg(folder),
        )?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Percent of it that are used.
    pub(crate) fn percent(&self) -> Result<u64> {
        let disk = statvfs(&self.folder)?;
        Ok((disk.blocks() - disk.blocks_available()) * 100 / disk.blocks())
    }

    /// Fills it with a file up to so many percent; up to the last byte with 100.
    pub(crate) fn fill(&self, percent: u64) -> Result<()> {
        let mut file = File::create(self.filler())?;
        let chunk = vec![1; CHUNK];
        while percent >= 100 || self.percent()? < percent {
            match file.write_all(&chunk) {
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                other => other?,
            }
        }
        Ok(())
    }

    /// Fills it with a file until so many megabytes are left.
    pub(crate) fn fill_but(&self, megabytes: u64) -> Result<()> {
        let disk = statvfs(&self.folder)?;
        let free = disk.blocks_available() * disk.fragment_size();
        let size = free
            .checked_sub(megabytes << 20)
            .context("the disk is fuller than that")?;
        Ok(posix_fallocate(File::create(self.filler())?, 0, i64::try_from(size)?)?)
    }

    /// Makes it this large.
    pub(crate) fn enlarge(&self, megabytes: u64) -> Result<()> {
        let size = format!("remount,size={megabytes}m");
        succeed(Command::new("mount").args(["-o", &size]).arg(&self.folder))
    }

    /// Takes that file away.
    pub(crate) fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.filler())?)
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("somebody-elses")
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Also while something runs on it: that ends with its node.
        succeed(Command::new("umount").arg("--lazy").arg(&self.folder)).ok();
    }
}
