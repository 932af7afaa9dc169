//! Keeps what is seen, in memory and in a file, line by line, by one clock.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use super::history::{History, Nanos, Record};

/// The file of a run, inside its folder.
const FILE: &str = "history.jsonl";

/// Takes records from everybody at once.
pub(super) struct Recorder {
    begin: Instant,
    next: AtomicU64,
    kept: Mutex<Kept>,
    path: PathBuf,
}

struct Kept {
    file: BufWriter<File>,
    records: Vec<Record>,
}

impl Recorder {
    /// Begins a file in this folder. Time is counted from now.
    pub(super) fn begin(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        let file = BufWriter::new(File::create(&path).with_context(|| path.display().to_string())?);
        Ok(Self {
            begin: Instant::now(),
            next: AtomicU64::new(0),
            kept: Mutex::new(Kept {
                file,
                records: Vec::new(),
            }),
            path,
        })
    }

    /// The time.
    pub(super) fn now(&self) -> Nanos {
        u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// A number for the next operation.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Keeps a record. A file that cannot be written is told of in [`Self::end`].
    pub(super) fn keep(&self, record: Record) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(line) = serde_json::to_string(&record) {
            writeln!(kept.file, "{line}").ok();
        }
        kept.records.push(record);
    }

    /// All that was kept, and the file it is in.
    pub(super) fn end(&self) -> Result<(History, PathBuf)> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.file.flush().with_context(|| self.path.display().to_string())?;
        Ok((History::of(std::mem::take(&mut kept.records)), self.path.clone()))
    }
}
