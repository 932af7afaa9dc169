//! A PostgreSQL of our own: what it was opened with, and the files it reads.
//!
//! This file decides the order in which an owned server is prepared. Starting and stopping it is in `process.rs`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use aws_lc_rs::digest;
use keystead::replication::retention::Bounds;
use keystead::replication::standbys::Standbys;
use keystead::server_version::ServerVersion;
use keystead::{Error, Result, config};
use tokio::sync::{Mutex, watch};

use super::access::{self, Access, PeerAccess};
use super::account::Account;
use super::folders::{self, cannot};
use super::initdb::{self, SUPERUSER};
use super::locate::{Binaries, Search};
use super::lock::Lock;
use super::paths::Paths;
use super::programs;
use super::settings::{self, BOUNDS_FILE, STANDBYS_FILE, TLS_FILE, Wishes};
use super::tls::{self, Identity};
use super::watch::Status;
use crate::durable;

/// An owned server.
#[derive(Debug)]
pub(super) struct Owned {
    pub(super) config: config::Postgres,
    pub(super) paths: Paths,
    pub(super) account: Account,
    pub(super) binaries: Binaries,
    /// Held while the process is started or stopped.
    pub(super) turn: Mutex<()>,
    pub(super) status: watch::Sender<Status>,
    /// Files were changed that PostgreSQL may not have read yet.
    pub(super) unread: AtomicBool,
    /// Held while files are read, changed and written: two changes of access must not undo each other.
    files: std::sync::Mutex<()>,
    _lock: Lock,
}

impl Owned {
    /// Prepares everything that a start needs; see [`super::Postgres::open`].
    pub(super) async fn open(config: &config::Postgres, paths: Paths, lock: Lock) -> Result<Self> {
        paths.check_socket(config.port)?;
        let account = Account::choose(&config.os_user)?;
        let binaries = Search::machine(config.bin_dir.as_deref())
            .find(&account, initdb::made_by(&paths)?)
            .await?;
        for folder in [paths.run(), paths.log()] {
            folders::for_postgres(&folder, &account)?;
        }
        programs::must_be_accepted(binaries.version(), config)?;
        folders::check_reachable(&binaries.program("pg_ctl"), &paths, &account).await?;
        initdb::ensure(&paths, &binaries, &account).await?;
        tls::ensure(&paths, &account)?;
        let (config, turn, files) = (config.clone(), Mutex::default(), std::sync::Mutex::default());
        let (status, _) = watch::channel(Status::Stopped);
        let owned = Self {
            config,
            paths,
            account,
            binaries,
            turn,
            status,
            unread: AtomicBool::default(),
            files,
            _lock: lock,
        };
        owned.check_not_overridden()?;
        owned.write_tls_settings()?;
        owned.keep_standbys()?;
        owned.keep_bounds()?;
        owned.keep_access()?;
        Ok(owned)
    }

    pub(super) fn paths(&self) -> &Paths {
        &self.paths
    }

    pub(super) fn major(&self) -> u32 {
        self.binaries.major()
    }

    pub(super) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// How to reach it through its socket, as the superuser.
    pub(super) fn config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config
            .host_path(self.paths.run())
            .port(self.config.port)
            .user(SUPERUSER);
        config
    }

    /// Whether the programs on the disk know the setting that lists output plugins; `None` when they do not say.
    pub(super) async fn knows_output_plugins(&self) -> Option<bool> {
        let answer = programs::knows_output_plugins(&self.program(), &self.paths.pg(), &self.account).await;
        answer
            .inspect_err(|why| tracing::warn!(why, "cannot find out whether PostgreSQL can list output plugins"))
            .ok()
    }

    /// See [`super::Postgres::installed_version`].
    pub(super) async fn installed_version(&self) -> Option<ServerVersion> {
        let answer = programs::version(&self.program(), &self.account).await;
        answer
            .inspect_err(|why| tracing::debug!(why, "the programs of PostgreSQL do not say their version"))
            .ok()
    }

    fn program(&self) -> PathBuf {
        self.binaries.program("postgres")
    }

    /// Tells the settings it is started with from others; an argument of its command line, as PostgreSQL notes it.
    pub(super) fn settings_mark(&self, knows_output_plugins: bool) -> String {
        let text = settings::text(self.wishes(knows_output_plugins));
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        let first = digest.as_ref().first_chunk().copied().unwrap_or_default();
        format!("keystead.settings={:016x}", u64::from_be_bytes(first))
    }

    /// See [`super::Postgres::set_access`]; whether anything changed.
    pub(super) fn set_access(&self, members: &[PeerAccess]) -> Result<bool> {
        let _turn = self.files_turn();
        let accounts = [self.account.agent(), self.account.name()];
        // The ident file first: it is the one that is read back when the agent starts.
        let ident = self.write("pg_ident.conf", &access::ident(&accounts, members)?)?;
        let hba = self.write("pg_hba.conf", &access::hba(members)?)?;
        Ok(ident || hba)
    }

    /// See [`super::Postgres::access`].
    pub(super) fn access(&self) -> Result<Access> {
        let _turn = self.files_turn();
        let ident = access::members(&read(&self.paths.pg().join("pg_ident.conf"))?);
        Ok(Access {
            hba: access::roles(&read(&self.paths.pg().join("pg_hba.conf"))?),
            ident: ident.into_iter().map(|member| member.role).collect(),
        })
    }

    /// See [`super::Postgres::install_tls`].
    pub(super) fn install_tls(&self, identity: Identity<'_>) -> Result<bool> {
        let _turn = self.files_turn();
        tls::replace(&self.paths, &self.account, identity)?;
        self.write_tls_settings()?;
        Ok(true)
    }

    /// See [`super::Postgres::install_placeholder`].
    pub(super) fn install_placeholder(&self) -> Result<bool> {
        let _turn = self.files_turn();
        tls::placeholder(&self.paths, &self.account)?;
        self.write_tls_settings()?;
        Ok(true)
    }

    /// See [`super::Postgres::install_crl`].
    pub(super) fn install_crl(&self, pem: &str) -> Result<bool> {
        let _turn = self.files_turn();
        tls::replace_revoked(&self.paths, &self.account, pem)?;
        self.write_tls_settings()?;
        Ok(true)
    }

    /// See [`super::Postgres::standbys`].
    pub(super) fn standbys(&self) -> Result<Option<Standbys>> {
        Ok(settings::standbys(&read(&self.paths.pg().join(STANDBYS_FILE))?))
    }

    /// See [`super::Postgres::set_standbys`]; whether anything changed.
    pub(super) fn set_standbys(&self, standbys: &Standbys) -> Result<bool> {
        let _turn = self.files_turn();
        self.write(STANDBYS_FILE, &settings::standbys_text(standbys))
    }

    /// Whom commits waited for, they wait for; who the members are now is known only when the database runs.
    fn keep_standbys(&self) -> Result<bool> {
        self.set_standbys(&self.standbys()?.unwrap_or_else(Standbys::nobody))
    }

    /// See [`super::Postgres::set_bounds`]; whether anything changed.
    pub(super) fn set_bounds(&self, bounds: Bounds) -> Result<bool> {
        let _turn = self.files_turn();
        self.write(BOUNDS_FILE, &settings::bounds_text(&self.config, Some(bounds)))
    }

    /// What was kept at the most stays so until the disk was looked at.
    fn keep_bounds(&self) -> Result<bool> {
        if self.paths.pg().join(BOUNDS_FILE).exists() {
            return Ok(false);
        }
        self.write(BOUNDS_FILE, &settings::bounds_text(&self.config, None))
    }

    /// Writes `postgresql.conf` as these programs understand it; whether it was another one.
    pub(super) fn write_settings(&self, knows_output_plugins: bool) -> Result<bool> {
        let _turn = self.files_turn();
        self.write("postgresql.conf", &settings::text(self.wishes(knows_output_plugins)))
    }

    fn check_not_overridden(&self) -> Result<()> {
        let auto_conf = self.paths.pg().join("postgresql.auto.conf");
        let overridden = settings::overridden(&read(&auto_conf)?, self.wishes(true));
        if overridden.is_empty() {
            return Ok(());
        }
        let names = overridden.join(", ");
        let text = format!("{} changes settings that Keystead fixes: {names}", auto_conf.display());
        Err(Error::conflict(text).with_hint("remove these lines; they come from `alter system`"))
    }

    fn write_tls_settings(&self) -> Result<bool> {
        self.write(
            TLS_FILE,
            &settings::tls_text(&self.paths, self.paths.tls_revoked().exists()),
        )
    }

    /// Writes the access files anew for the members they already let in: those of this machine may have changed, and
    /// who the members are is known only when the database runs.
    fn keep_access(&self) -> Result<bool> {
        let ident = read(&self.paths.pg().join("pg_ident.conf"))?;
        self.set_access(&access::members(&ident))
    }

    fn wishes(&self, knows_output_plugins: bool) -> Wishes<'_> {
        Wishes {
            config: &self.config,
            paths: &self.paths,
            major: self.major(),
            knows_output_plugins,
        }
    }

    /// Writes one of PostgreSQL's files; whether it was another one.
    fn write(&self, name: &str, text: &str) -> Result<bool> {
        let path = self.paths.pg().join(name);
        durable::write_if_changed(&path, text.as_bytes(), 0o600, self.account.owner())
            .map_err(|error| cannot("write", &path, error))
    }

    fn files_turn(&self) -> std::sync::MutexGuard<'_, ()> {
        self.files.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The text of a file; nothing when there is none.
fn read(path: &Path) -> Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other.map_err(|error| cannot("read", path, error)),
    }
}
