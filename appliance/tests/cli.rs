//! The agent's command line as its users meet it: the real program, its words and its exit codes.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

type Answer<T> = Result<T, Box<dyn std::error::Error>>;

/// Runs the program; exit code, standard output and standard error.
fn keysteadd(args: &[&str]) -> Answer<(i32, String, String)> {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_keysteadd")).args(args).output()?;
    let code = status.code().ok_or("the program was killed")?;
    Ok((code, String::from_utf8(stdout)?, String::from_utf8(stderr)?))
}

/// A configuration file with this text.
fn file(folder: &Path, text: &str) -> Answer<PathBuf> {
    let path = folder.join("node.toml");
    fs::write(&path, text)?;
    Ok(path)
}

#[test]
fn help_explains_every_flag_and_every_exit_code() {
    let (code, out, _) = keysteadd(&["run", "--help"]).unwrap();
    assert_eq!(code, 0);
    for flag in [
        "--config",
        "--data-dir",
        "--rest-listen",
        "--postgres-listen",
        "--postgres-port",
        "--postgres-bin-dir",
        "--log-format",
        "--log-filter",
    ] {
        assert!(out.contains(flag), "{flag} is not explained in: {out}");
    }
    let (_, out, _) = keysteadd(&["--help"]).unwrap();
    for part in [
        "run",
        "check-config",
        "version",
        "0 done",
        "1 could not start",
        "2 wrong",
        "4 a part",
    ] {
        assert!(out.contains(part), "{part:?} is not in: {out}");
    }
}

#[test]
fn a_good_configuration_is_called_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = with_postgresql(folder.path(), "15.19", "").unwrap();
    let (code, out, err) = keysteadd(&["check-config", "--config", path.to_str().unwrap()]).unwrap();
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, "the configuration is good\n", "")
    );
}

/// A configuration file of a node whose PostgreSQL says that it is this version.
fn with_postgresql(folder: &Path, version: &str, more: &str) -> Answer<PathBuf> {
    let open = || fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder, open())?;
    let programs = folder.join("bin");
    fs::create_dir_all(&programs)?;
    for name in ["postgres", "initdb", "pg_ctl"] {
        let program = programs.join(name);
        fs::write(&program, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"))?;
        fs::set_permissions(&program, open())?;
    }
    let text = format!(
        "data_dir = \"/var/lib/keystead-of-a-test\"\n[postgres]\nbin_dir = \"{}\"\n{more}\n",
        programs.display()
    );
    file(folder, &text)
}

#[test]
fn a_postgresql_without_the_fix_is_a_warning_and_refused_with_1_only_when_the_fix_is_required() {
    let folder = tempfile::tempdir().unwrap();
    let path = with_postgresql(folder.path(), "15.18", "").unwrap();
    let (code, out, err) = keysteadd(&["check-config", "--config", path.to_str().unwrap()]).unwrap();
    assert_eq!((code, out.as_str()), (0, "the configuration is good\n"));
    assert!(
        err.starts_with("warning: PostgreSQL 15.18 has the hole CVE-2026-6471") && err.contains("\nhint: install"),
        "{err}"
    );

    let path = with_postgresql(folder.path(), "15.18", "require_fixed_minor = true").unwrap();
    let (code, out, err) = keysteadd(&["check-config", "--config", path.to_str().unwrap()]).unwrap();
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.starts_with("keysteadd: PostgreSQL 15.18 has the hole CVE-2026-6471"),
        "{err}"
    );
}

#[test]
fn everything_wrong_with_a_configuration_is_told_with_file_and_line_and_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(
        folder.path(),
        "data_dir = \"/d\"\n[postgres]\nprot = 1\nsettings = { fsync = \"off\" }\n",
    )
    .unwrap();
    let shown = path.to_str().unwrap();
    for command in ["check-config", "run"] {
        let (code, out, err) = keysteadd(&[command, "--config", shown]).unwrap();
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(
            err.contains(&format!(
                "{shown}:3: unknown key `prot` in [postgres]; did you mean `port`?"
            )),
            "{err}"
        );
        assert!(
            err.contains(&format!("{shown}:4: postgres.settings cannot set fsync")),
            "{err}"
        );
    }
}

#[test]
fn files_that_a_configuration_names_must_be_there_and_private() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("first");
    fs::write(&password, "sesame").unwrap();
    fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    for (line, expected) in [
        (
            "log.filter = \"keysteadd=louder\"".to_owned(),
            "log.filter is not a filter",
        ),
        (
            "postgres.bin_dir = \"/nowhere\"".to_owned(),
            "postgres.bin_dir: /nowhere is not there",
        ),
        (
            "rest = { certificate = \"/nowhere\", key = \"/nowhere\" }".to_owned(),
            "rest.certificate: /nowhere is not there",
        ),
        (
            "admin.password_file = \"/nowhere\"".to_owned(),
            "admin.password_file: /nowhere is not there",
        ),
        (format!("admin.password_file = {password:?}"), "its mode is 0644"),
    ] {
        let path = file(folder.path(), &format!("data_dir = \"/d\"\n{line}\n")).unwrap();
        let (code, _, err) = keysteadd(&["check-config", "--config", path.to_str().unwrap()]).unwrap();
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(expected) && err.contains("hint: "), "{err}");
    }
}

#[test]
fn a_file_that_is_not_there_and_a_wrong_word_end_with_2() {
    let (code, _, err) = keysteadd(&["run", "--config", "/nowhere/node.toml"]).unwrap();
    assert_eq!(code, 2);
    assert!(err.contains("cannot read /nowhere/node.toml: No such file"), "{err}");
    let (code, _, err) = keysteadd(&["rum"]).unwrap();
    assert_eq!(code, 2);
    assert!(err.contains("'run'"), "{err}");
}

#[test]
fn without_a_postgresql_the_agent_says_where_it_looked_and_what_to_install_and_ends_with_1() {
    let folder = tempfile::Builder::new().prefix("ks").tempdir_in("/tmp").unwrap();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let text = format!(
        "data_dir = {:?}\npostgres.bin_dir = {empty:?}\n",
        folder.path().join("n")
    );
    let path = file(folder.path(), &text).unwrap();
    let (code, _, err) = keysteadd(&["run", "--config", path.to_str().unwrap(), "--log-format", "json"]).unwrap();
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("no PostgreSQL 15 or newer found; looked in postgres.bin_dir"),
        "{err}"
    );
    assert!(err.contains("apt install postgresql"), "{err}");
    assert!(
        err.lines().all(|line| line.starts_with('{')),
        "a line is not JSON: {err}"
    );
}

#[test]
fn the_version_is_that_of_the_product() {
    let (code, out, _) = keysteadd(&["version"]).unwrap();
    assert_eq!((code, out), (0, format!("keysteadd {}\n", keystead::VERSION)));
}

/// A node that runs, with the socket on which it talks to its supervisor. It and its PostgreSQL end with this value.
struct Node {
    folder: tempfile::TempDir,
    supervisor: UnixDatagram,
    agent: Option<Child>,
}

impl Node {
    fn new() -> Answer<Self> {
        let open = fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new()
            .prefix("ks")
            .permissions(open)
            .tempdir_in("/tmp")?;
        let (rest, postgres) = (free_port()?, free_port()?);
        // `make test POSTGRES=...`
        let chosen = std::env::var("POSTGRES").ok().filter(|folder| !folder.is_empty());
        let bin_dir = chosen.map_or_else(String::new, |folder| format!("postgres.bin_dir = \"{folder}\"\n"));
        let text = format!(
            "data_dir = \"{}/n\"\nrest.listen = \"127.0.0.1:{rest}\"\npostgres.listen = [\"127.0.0.1\"]\npostgres.port = {postgres}\n{bin_dir}",
            folder.path().display()
        );
        file(folder.path(), &text)?;
        let supervisor = UnixDatagram::bind(folder.path().join("notify"))?;
        supervisor.set_read_timeout(Some(Duration::from_mins(1)))?;
        Ok(Self {
            folder,
            supervisor,
            agent: None,
        })
    }

    /// Starts the agent and waits until it says that it is ready.
    fn start(&mut self) -> Answer<()> {
        let log = fs::File::create(self.folder.path().join("log"))?;
        let agent = Command::new(env!("CARGO_BIN_EXE_keysteadd"))
            .arg("run")
            .arg("--config")
            .arg(self.folder.path().join("node.toml"))
            .env("NOTIFY_SOCKET", self.folder.path().join("notify"))
            .stderr(log)
            .spawn()?;
        self.agent = Some(agent);
        let told = self.until_told("READY=1");
        told.map_err(|error| {
            format!(
                "{error}: {}",
                fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            )
        })?;
        Ok(())
    }

    /// Waits until the supervisor is told something.
    fn until_told(&self, what: &str) -> Answer<()> {
        let mut buffer = [0; 512];
        loop {
            let length = self.supervisor.recv(&mut buffer)?;
            if String::from_utf8_lossy(buffer.get(..length).unwrap_or_default())
                .lines()
                .any(|line| line == what)
            {
                return Ok(());
            }
        }
    }

    /// Sends the agent a signal and waits for its end.
    fn end(&mut self, signal: Signal) -> Answer<Option<i32>> {
        let mut agent = self.agent.take().ok_or("no agent runs")?;
        kill(Pid::from_raw(i32::try_from(agent.id())?), signal)?;
        Ok(agent.wait()?.code())
    }

    /// The process of its PostgreSQL, if one runs.
    fn postgres(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.folder.path().join("n/pg/postmaster.pid")).ok()?;
        let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok()?);
        kill(pid, None).is_ok().then_some(pid)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(agent) = &mut self.agent {
            agent.kill().ok();
            agent.wait().ok();
        }
        if let Some(postgres) = self.postgres() {
            kill(postgres, Signal::SIGQUIT).ok();
            // Returns when the process has ended, so that the folder is removed after its last write.
            Command::new("tail")
                .arg(format!("--pid={postgres}"))
                .args(["-f", "/dev/null"])
                .status()
                .ok();
        }
    }
}

fn free_port() -> Answer<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[test]
fn postgresql_goes_on_when_the_agent_is_killed_and_stops_when_the_agent_is_asked_to() {
    let mut node = Node::new().unwrap();
    node.start().unwrap();
    let first = node.postgres().unwrap();
    assert_eq!(node.end(Signal::SIGKILL).unwrap(), None);
    assert_eq!(node.postgres(), Some(first));
    node.start().unwrap();
    assert_eq!(
        node.postgres(),
        Some(first),
        "the next agent did not take the running server over"
    );
    assert_eq!(node.end(Signal::SIGTERM).unwrap(), Some(0));
    node.until_told("STOPPING=1").unwrap();
    assert_eq!(node.postgres(), None);
}

#[test]
fn an_idle_agent_takes_little_memory() {
    let mut node = Node::new().unwrap();
    node.start().unwrap();
    let agent = node.agent.as_ref().map(Child::id).unwrap();
    let status = fs::read_to_string(format!("/proc/{agent}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 40 * 1024, "{kilobytes} kB");
}
