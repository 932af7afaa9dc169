//! Ends what a test started, by its own ids: a process is the test's when its command line names the test's folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Ends every process whose command line names `folder`, and waits until there is none.
pub(crate) fn end_all_in(folder: &Path) {
    for _ in 0..500 {
        let left = all_in(folder);
        if left.is_empty() {
            return;
        }
        for pid in left {
            // PostgreSQL stops at once on this, and takes its children along. One that is halted has to go on to do so.
            kill(pid, Signal::SIGQUIT).ok();
            for halted in family(pid) {
                kill(halted, Signal::SIGCONT).ok();
            }
        }
        pause();
    }
}

/// The processes whose command line names `folder`, but this one.
pub(crate) fn all_in(folder: &Path) -> Vec<Pid> {
    let Some(folder) = folder.to_str() else {
        return Vec::new();
    };
    let names_it = |pid: &i32| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(folder)
    };
    all()
        .filter(names_it)
        .map(Pid::from_raw)
        .filter(|pid| *pid != Pid::this())
        .collect()
}

/// A process and its children, itself first.
pub(crate) fn family(parent: Pid) -> Vec<Pid> {
    let is_child = |pid: &i32| parent_of(*pid) == Some(parent.as_raw());
    let children = all().filter(is_child).map(Pid::from_raw);
    std::iter::once(parent).chain(children).collect()
}

fn all() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent_of(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    line.trim().parse().ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "runs while a test ends, where nothing can be awaited"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
