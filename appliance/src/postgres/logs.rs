//! PostgreSQL's own log files: their last lines, as the reason of a failure, and a bound on their number.
//!
//! This file decides how many are kept. PostgreSQL begins a new one of at most 10 MB by itself, but removes none, and a
//! file a day, overwritten a week later, would grow without limit on a day of trouble.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::account::Account;
use super::paths::Paths;
use crate::durable;

/// How many log files of at most 10 MB are kept.
const KEPT: usize = 10;
/// How much of the end of a log is looked at for a reason, in bytes.
const TAIL_BYTES: u64 = 4096;
/// How much of it when something that may be further up is looked for.
const LONG_TAIL_BYTES: u64 = 128 << 10;
/// How many of its last lines are told.
const TAIL_LINES: usize = 6;

/// The last words of a program, as the cause of an error.
#[derive(Debug)]
pub(crate) struct Said(String);

impl From<std::process::Output> for Said {
    fn from(output: std::process::Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        Self(last_lines(&text))
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Said {}

/// The last lines that PostgreSQL wrote, oldest first: before its collector ran, and after.
pub(crate) fn last_said(paths: &Paths) -> Said {
    let mut logs: Vec<PathBuf> = [paths.startup_log()]
        .into_iter()
        .chain(files(&paths.log()).pop())
        .collect();
    // A server that fails early says so before its collector runs, and the newest collected file is an older run's.
    logs.sort_by_key(|path| fs::metadata(path).and_then(|found| found.modified()).ok());
    let said: Vec<String> = logs.iter().filter_map(|path| tail(path, TAIL_BYTES).ok()).collect();
    Said(last_lines(&said.join("\n")))
}

/// Empties the file for what PostgreSQL says before its collector runs.
pub(crate) fn begin(paths: &Paths, account: &Account) -> io::Result<()> {
    durable::write_owned(&paths.startup_log(), b"", 0o600, account.owner())
}

/// Removes all but the newest log files.
pub(crate) fn prune(paths: &Paths) -> io::Result<()> {
    let files = files(&paths.log());
    let surplus = files.len().saturating_sub(KEPT);
    files.iter().take(surplus).try_for_each(fs::remove_file)
}

/// The collector's files, oldest first: their names carry the time.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| {
        entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with("postgresql-"))
    });
    let mut files: Vec<PathBuf> = ours.map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// The end of the newest log file; nothing when there is none.
pub(crate) fn newest(paths: &Paths) -> String {
    let newest = files(&paths.log()).pop();
    newest
        .and_then(|path| tail(&path, LONG_TAIL_BYTES).ok())
        .unwrap_or_default()
}

fn tail(path: &Path, bytes: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let surplus = lines.len().saturating_sub(TAIL_LINES);
    lines.get(surplus..).unwrap_or_default().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_log_files_go_and_no_other_file_does() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path());
        fs::create_dir(paths.log()).unwrap();
        fs::write(paths.startup_log(), b"").unwrap();
        for day in 10..25 {
            fs::write(paths.log().join(format!("postgresql-2026-01-{day}_000000.log")), b"").unwrap();
        }
        prune(&paths).unwrap();
        let left = files(&paths.log());
        assert_eq!(left.len(), KEPT);
        assert!(
            left.first()
                .is_some_and(|file| file.ends_with("postgresql-2026-01-15_000000.log"))
        );
        assert!(paths.startup_log().exists());
    }

    #[test]
    fn the_reason_is_the_end_of_what_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path());
        fs::create_dir(paths.log()).unwrap();
        fs::write(paths.startup_log(), "begins\n").unwrap();
        fs::write(
            paths.log().join("postgresql-1.log"),
            format!("{}\n\nFATAL: no room\n", "x\n".repeat(9000)),
        )
        .unwrap();
        assert_eq!(last_said(&paths).to_string(), "x | x | x | x | x | FATAL: no room");
    }
}
