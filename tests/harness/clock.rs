//! The clock of a host: a test sets it, and the host's agent and PostgreSQL see it at once.
//!
//! Decides nothing about time itself: `clock.c`, loaded into the programs, adds what stands in a file to the time of day.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::run::succeed;

const NANOSECONDS: i64 = 1_000_000_000;

/// What makes programs heed a [`Clock`]. In a folder of its own that every user may read and load programs from.
pub(crate) struct ClockLibrary {
    folder: TempDir,
}

impl ClockLibrary {
    /// Compiles it.
    pub(crate) fn build() -> Result<Arc<Self>> {
        let folder = tempfile::Builder::new().prefix("ks-clock-").tempdir_in("/tmp")?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let library = Self { folder };
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/harness/clock.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", source, "-ldl", "-o"]);
        succeed(compiler.arg(library.path()))?;
        fs::set_permissions(library.path(), fs::Permissions::from_mode(0o755))?;
        Ok(Arc::new(library))
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("clock.so")
    }
}

/// How far one host's clock is from the machine's.
pub(crate) struct Clock {
    library: Arc<ClockLibrary>,
    path: PathBuf,
    ahead: File,
}

impl Clock {
    /// A clock that is right, kept in the file at `path`.
    pub(crate) fn new(library: &Arc<ClockLibrary>, path: &Path) -> Result<Self> {
        let ahead = File::create(path).with_context(|| path.display().to_string())?;
        // PostgreSQL runs as another user.
        ahead.set_permissions(fs::Permissions::from_mode(0o644))?;
        let clock = Self {
            library: Arc::clone(library),
            path: path.to_owned(),
            ahead,
        };
        clock.set(0)?;
        Ok(clock)
    }

    /// Sets it to be so many seconds ahead of the machine's clock; behind it when negative.
    pub(crate) fn set(&self, seconds_ahead: i64) -> Result<()> {
        let nanoseconds = seconds_ahead.saturating_mul(NANOSECONDS);
        Ok(self.ahead.write_all_at(&nanoseconds.to_ne_bytes(), 0)?)
    }

    /// Makes a program, and all that it starts, heed this clock.
    pub(crate) fn give_to(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", self.library.path())
            .env("TEST_CLOCK", &self.path);
    }
}
