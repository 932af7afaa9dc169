//! Whether a PostgreSQL of ours runs, found out from the file it leaves and from the process table.
//!
//! This file only looks and signals. A process id alone proves nothing: after a crash it may belong to another program,
//! so the command line of the process must name our data folder.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// The running PostgreSQL of one data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Postmaster {
    pid: Pid,
    /// Whether it takes connections, by its own word.
    ready: bool,
}

impl Postmaster {
    /// The PostgreSQL that runs on `pgdata` now, if one does.
    pub(crate) fn of(pgdata: &Path) -> Option<Self> {
        let (pid, ready) = read(&fs::read_to_string(pgdata.join("postmaster.pid")).ok()?)?;
        runs_on(pid, pgdata).then_some(Self { pid, ready })
    }

    /// Its process id.
    pub(crate) fn pid(self) -> Pid {
        self.pid
    }

    /// Whether it takes connections.
    pub(crate) fn is_ready(self) -> bool {
        self.ready
    }

    /// Whether the same process still runs on `pgdata`, with or without its file.
    pub(crate) fn still_runs(self, pgdata: &Path) -> bool {
        runs_on(self.pid, pgdata)
    }

    /// Sends it a signal; one that has ended meanwhile is no error.
    pub(crate) fn signal(self, signal: Signal) -> nix::Result<()> {
        match kill(self.pid, signal) {
            Err(nix::Error::ESRCH) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The argument `name=value` it was started with, as it wrote it down.
    pub(crate) fn started_with(pgdata: &Path, argument: &str) -> bool {
        fs::read_to_string(pgdata.join("postmaster.opts")).is_ok_and(|text| text.contains(argument))
    }
}

/// Process id and readiness in `postmaster.pid`: its first and its eighth line.
fn read(text: &str) -> Option<(Pid, bool)> {
    let pid: i32 = text.lines().next()?.trim().parse().ok()?;
    let ready = text.lines().nth(7).is_some_and(|status| status.trim() == "ready");
    (pid > 1).then_some((Pid::from_raw(pid), ready))
}

fn runs_on(pid: Pid, pgdata: &Path) -> bool {
    // As the first process of a container this is the parent of everything orphaned: a server that died would stay in
    // the process table, and the next would take it for alive.
    waitpid(pid, Some(WaitPidFlag::WNOHANG)).ok();
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| is_server_of(&line, pgdata))
}

/// Whether a command line, its words ended by zero bytes, is `postgres -D pgdata …`. One that has ended and was not
/// waited for has an empty one.
fn is_server_of(command_line: &[u8], pgdata: &Path) -> bool {
    let mut words = command_line.split(|byte| *byte == 0).map(OsStr::from_bytes);
    let program = words.next().and_then(|program| Path::new(program).file_name());
    let folder = words.skip_while(|word| *word != "-D").nth(1).map(Path::new);
    let same = |folder: &Path| {
        folder == pgdata
            || matches!((folder.canonicalize(), pgdata.canonicalize()), (Ok(one), Ok(other)) if one == other)
    };
    program.is_some_and(|program| program == "postgres") && folder.is_some_and(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_tells_process_and_readiness() {
        let file = |status: &str| format!("4711\n/d/pg\n1767225600\n5432\n/d/pg-run\n127.0.0.1\n 1 2\n{status}\n");
        assert_eq!(read(&file("ready   ")), Some((Pid::from_raw(4711), true)));
        assert_eq!(read(&file("starting")), Some((Pid::from_raw(4711), false)));
        assert_eq!(read("4711\n/d/pg\n"), Some((Pid::from_raw(4711), false)));
        for damaged in ["", "x\n", "0\n", "-1\n", "1\n"] {
            assert_eq!(read(damaged), None, "{damaged:?}");
        }
    }

    #[test]
    fn a_process_is_ours_only_when_it_is_a_server_on_our_folder() {
        let folder = tempfile::tempdir().unwrap();
        let line = |program: &str, place: &Path| format!("{program}\0-D\0{}\0-c\0a=b\0", place.display()).into_bytes();
        let ours = folder.path().join("pg");
        fs::create_dir(&ours).unwrap();
        assert!(is_server_of(&line("/usr/lib/postgresql/15/bin/postgres", &ours), &ours));
        assert!(is_server_of(&line("postgres", &folder.path().join("pg/../pg")), &ours));
        assert!(!is_server_of(&line("postgres", Path::new("/other/pg")), &ours));
        assert!(!is_server_of(&line("/usr/bin/less", &ours), &ours));
        assert!(!is_server_of(b"", &ours));
    }

    #[test]
    fn a_stale_file_that_names_a_process_of_somebody_else_is_no_server() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "{}\n{}\n0\n5432\n\n\n\nready\n",
            std::process::id(),
            folder.path().display()
        );
        fs::write(folder.path().join("postmaster.pid"), text).unwrap();
        assert_eq!(Postmaster::of(folder.path()), None);
    }
}
