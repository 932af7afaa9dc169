//! A throw-away PostgreSQL: one server for one test, gone with it.
//!
//! Decides how such a server is made cheaply: `initdb` runs once for a version and its result is copied, nothing is
//! forced to disk, and it listens at a socket in its own folder only. It is not what a node runs: see `node.rs` for that.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User};
use tempfile::TempDir;
use tokio_postgres::{Config, NoTls};

use super::run::succeed;
use super::{scratch, wait};

/// The superuser, called as on a node.
pub(crate) const SUPERUSER: &str = "keystead";

/// What differs from PostgreSQL's defaults: ready for replication, quick to notice, careless of the disk.
const SETTINGS: [&str; 11] = [
    "listen_addresses=",
    "wal_level=logical",
    "max_replication_slots=20",
    "max_wal_senders=20",
    "max_logical_replication_workers=8",
    "max_worker_processes=16",
    "wal_retrieve_retry_interval=100ms",
    "wal_writer_delay=10ms",
    "shared_buffers=16MB",
    "fsync=off",
    "full_page_writes=off",
];

/// A running server. Dropping it stops it and deletes everything of it.
pub(crate) struct Postgres {
    server: Child,
    folder: TempDir,
}

impl Postgres {
    /// Starts a server of its own.
    pub(crate) async fn start() -> Result<Self> {
        Self::start_in(scratch::folder()?, &SETTINGS).await
    }

    /// Starts a server in an empty folder, with these settings instead of those for tests.
    pub(crate) async fn start_in(folder: TempDir, settings: &[&str]) -> Result<Self> {
        if let Some(user) = other_user()? {
            chown(folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        let data = folder.path().join("data");
        copy_template(&data)?;
        let log = File::create(folder.path().join("log"))?;
        let mut command = program("postgres")?;
        command.arg("-D").arg(&data).arg("-k").arg(folder.path());
        for setting in settings {
            command.args(["-c", setting]);
        }
        let server = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let postgres = Self { server, folder };
        postgres.wait_until_it_answers().await?;
        Ok(postgres)
    }

    /// How to connect to a database of this server as its superuser.
    pub(crate) fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host_path(self.folder.path()).user(SUPERUSER).dbname(database);
        config
    }

    /// The same as a URL, for subscriptions, programs and configuration files.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_as(SUPERUSER, database)
    }

    /// The same as another role.
    pub(crate) fn url_as(&self, role: &str, database: &str) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://{role}@{folder}/{database}")
    }

    async fn wait_until_it_answers(&self) -> Result<()> {
        let config = self.config("postgres");
        let ready = wait::until("PostgreSQL answers", Duration::from_secs(30), async || {
            let (_client, _connection) = config.connect(NoTls).await?;
            Ok(true)
        });
        let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        ready.await.with_context(log)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let (Ok(None), Ok(pid)) = (self.server.try_wait(), i32::try_from(self.server.id())) {
            // At once and without a checkpoint: nothing of it is wanted any more.
            kill(Pid::from_raw(pid), Signal::SIGQUIT).ok();
            self.server.wait().ok();
        }
    }
}

/// A program of PostgreSQL that will run as a user PostgreSQL accepts.
pub(crate) fn program(name: &str) -> Result<Command> {
    let mut command = Command::new(folder_of(name)?.join(name));
    command.env("LC_ALL", "C").current_dir("/");
    if let Some(user) = other_user()? {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    Ok(command)
}

/// The user PostgreSQL runs as when the test runs as root, which it refuses.
fn other_user() -> Result<Option<User>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    Ok(Some(
        User::from_name("postgres")?.context("there is no user postgres: install PostgreSQL")?,
    ))
}

/// The folder of the PostgreSQL that the tests are to be run with, when they are told one: `make test POSTGRES=...`.
pub(crate) fn chosen() -> Option<PathBuf> {
    let folder = std::env::var_os("POSTGRES").filter(|folder| !folder.is_empty());
    folder.map(PathBuf::from)
}

/// Where a program is. One that the chosen PostgreSQL lacks is taken from the system: clients talk to newer servers.
fn folder_of(name: &str) -> Result<PathBuf> {
    match chosen() {
        Some(folder) if folder.join(name).exists() => Ok(folder),
        _ => of_the_system(),
    }
}

/// The newest PostgreSQL of Debian, else the one that `pg_config` knows.
fn of_the_system() -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    // The client's packages make such folders too.
    let servers = versions.filter(|entry| entry.path().join("bin/initdb").exists());
    let version = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    if let Some(newest) = servers.filter_map(version).max() {
        return Ok(PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin")));
    }
    let output = Command::new("pg_config")
        .arg("--bindir")
        .output()
        .context("no PostgreSQL was found: run `make deps`")?;
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// Puts a fresh data folder at `data`; makes the one to copy from when it is not there.
fn copy_template(data: &Path) -> Result<()> {
    let version = program("postgres")?.arg("--version").output()?;
    let version = String::from_utf8(version.stdout)?;
    let version = version
        .split_whitespace()
        .nth(2)
        .context("postgres --version does not tell its version")?;
    let template = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("postgres-{version}-{}", Uid::effective()));
    if template.exists() {
        return copy(&template, data);
    }
    let mut initdb = program("initdb")?;
    initdb.args([
        "--username",
        SUPERUSER,
        "--auth",
        "trust",
        "--encoding",
        "UTF8",
        "--no-locale",
        "--no-sync",
        "-D",
    ]);
    succeed(initdb.arg(data))?;
    // Under a name of its own first: other tests may be at the same at this moment, and one of them wins.
    let made = template.with_extension(format!("{}.new", std::process::id()));
    copy(data, &made)?;
    if fs::rename(&made, &template).is_err() {
        fs::remove_dir_all(&made)?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    succeed(Command::new("cp").args(["-a", "--reflink=auto"]).arg(from).arg(to))
}
