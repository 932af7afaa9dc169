//! The PostgreSQL under this node: found, made, configured, started, watched and stopped; or, when the configuration
//! says so, one that somebody else runs and that is only connected to.
//!
//! This file is the front door, [`Postgres`]. It decides between the two; the owned one is in `owned.rs` and
//! `process.rs`, and it never says what is in the databases. In the order of a start: `folders.rs`, `lock.rs`,
//! `account.rs`, `locate.rs`, `initdb.rs`, `tls.rs`, `programs.rs`, `settings.rs`, `access.rs`, `port.rs`, `process.rs`,
//! `watch.rs`, `reload.rs`.

mod access;
mod account;
mod folders;
mod initdb;
mod locate;
mod lock;
pub(crate) mod logs;
mod owned;
mod paths;
mod port;
mod postmaster;
mod process;
pub(crate) mod programs;
mod reload;
mod settings;
#[cfg(test)]
mod tests;
mod tls;
mod watch;
mod wipe;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keystead::config::{self, DatabaseUrl, NodeConfig};
use keystead::replication::retention::Bounds;
use keystead::replication::standbys::Standbys;
use keystead::server_version::ServerVersion;
use keystead::{Error, Kind, Result};
use nix::unistd::Uid;

use crate::pulse::Pulse;
pub(crate) use access::{Access, PeerAccess};
use owned::Owned;
pub(crate) use paths::Paths;
pub(crate) use process::Begun;
pub(crate) use tls::Identity;
pub(crate) use watch::Status;

/// What the agent's own connections are called in `pg_stat_activity`.
const APPLICATION_NAME: &str = "keysteadd";
/// How long a connection to our own server may take: it is on this machine, or on one nearby.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The PostgreSQL of this node. Cheap to clone; all clones are the same server.
#[derive(Debug, Clone)]
pub(crate) struct Postgres {
    server: Server,
}

#[derive(Debug, Clone)]
enum Server {
    Owned(Arc<Owned>),
    Attached(Arc<Attached>),
}

/// A server that somebody else runs.
#[derive(Debug)]
struct Attached {
    paths: Paths,
    url: tokio_postgres::Config,
    _lock: lock::Lock,
}

impl Postgres {
    /// Prepares everything that a start needs, without starting: folders, data folder, certificates, settings, access.
    /// What is there already is kept. Refuses a second agent on one data folder.
    pub(crate) async fn open(config: &NodeConfig) -> Result<Self> {
        let paths = Paths::new(&config.data_dir);
        let passable = config.postgres.url.is_none() && Uid::effective().is_root();
        folders::data_dir(paths.data_dir(), passable)?;
        let lock = lock::Lock::take(&paths.lock())?;
        wipe::finish(&paths).await?;
        let server = if let Some(url) = &config.postgres.url {
            let url = read_url(url)?;
            Server::Attached(Arc::new(Attached {
                paths,
                url,
                _lock: lock,
            }))
        } else {
            Server::Owned(Arc::new(Owned::open(&config.postgres, paths, lock).await?))
        };
        Ok(Self { server })
    }

    /// Starts PostgreSQL, or takes over one that an earlier agent left running on this data folder. Returns when it
    /// takes connections. Refuses when a port is taken, naming it.
    pub(crate) async fn start(&self) -> Result<Begun> {
        match &self.server {
            Server::Owned(owned) => owned.start().await,
            Server::Attached(_) => Ok(Begun::Adopted),
        }
    }

    /// Stops PostgreSQL cleanly, and hard if that takes too long. Only for the clean stop of the agent: when an agent
    /// dies, replication goes on.
    pub(crate) async fn stop(&self) -> Result<()> {
        match &self.server {
            Server::Owned(owned) => owned.stop().await,
            Server::Attached(_) => Ok(()),
        }
    }

    /// Starts PostgreSQL again whenever it is gone, until `stop`.
    pub(crate) async fn watch(&self, pulse: Pulse) {
        match &self.server {
            Server::Owned(owned) => watch::watch(owned, pulse).await,
            Server::Attached(_) => pulse.apart(pulse.stop().cancelled()).await,
        }
    }

    /// Refuses where somebody else runs PostgreSQL: what is in that is not this node's to delete.
    pub(crate) fn may_be_reset(&self) -> Result<()> {
        match &self.server {
            Server::Owned(_) => Ok(()),
            Server::Attached(_) => Err(Error::new(
                Kind::NotBuilt,
                "a node over a PostgreSQL that somebody else runs is not reset",
            )
            .with_hint("stop the agent, drop its databases, and move its data folder away")),
        }
    }

    /// Marks this node so that the next start of its agent deletes everything on it first.
    pub(crate) fn mark_for_reset(&self) -> Result<()> {
        self.may_be_reset()?;
        wipe::mark(self.paths())
    }

    /// Whether PostgreSQL runs, as far as this agent knows.
    pub(crate) fn status(&self) -> Status {
        match &self.server {
            Server::Owned(owned) => owned.status(),
            Server::Attached(_) => Status::Attached,
        }
    }

    /// Where everything of this node lives.
    pub(crate) fn paths(&self) -> &Paths {
        match &self.server {
            Server::Owned(owned) => owned.paths(),
            Server::Attached(attached) => &attached.paths,
        }
    }

    /// Whether somebody else runs this PostgreSQL.
    pub(crate) fn is_attached(&self) -> bool {
        matches!(self.server, Server::Attached(_))
    }

    /// The version of the programs on the disk, which may be newer than the server that runs. `None` when they do not say, or
    /// somebody else runs the server.
    pub(crate) async fn installed_version(&self) -> Option<ServerVersion> {
        match &self.server {
            Server::Owned(owned) => owned.installed_version().await,
            Server::Attached(_) => None,
        }
    }

    /// How to connect to one of its databases.
    pub(crate) fn config(&self, database: &str) -> tokio_postgres::Config {
        let mut config = match &self.server {
            Server::Owned(owned) => owned.config(),
            Server::Attached(attached) => attached.url.clone(),
        };
        config
            .dbname(database)
            .application_name(APPLICATION_NAME)
            .connect_timeout(CONNECT_TIMEOUT);
        config
    }

    /// Lets exactly these members in from the network; in force when this returns. Sessions that are open stay open.
    /// Does nothing when it is so already.
    pub(crate) async fn set_access(&self, members: &[PeerAccess]) -> Result<()> {
        let members = members.to_vec();
        self.change(move |owned| owned.set_access(&members)).await
    }

    /// Who is let in from the network, as the files say.
    pub(crate) fn access(&self) -> Result<Access> {
        match &self.server {
            Server::Owned(owned) => owned.access(),
            Server::Attached(_) => Ok(Access::default()),
        }
    }

    /// Whom a waiting commit waits for, as the file says; `None` when it is not of ours.
    pub(crate) fn standbys(&self) -> Result<Option<Standbys>> {
        match &self.server {
            Server::Owned(owned) => owned.standbys(),
            Server::Attached(_) => Ok(None),
        }
    }

    /// Lets waiting commits wait for these; read by PostgreSQL when this returns, by each of its processes soon after.
    pub(crate) async fn set_standbys(&self, standbys: &Standbys) -> Result<()> {
        let standbys = standbys.clone();
        self.change(move |owned| owned.set_standbys(&standbys)).await
    }

    /// Lets PostgreSQL keep so much WAL at the most.
    pub(crate) async fn set_bounds(&self, bounds: Bounds) -> Result<()> {
        self.change(move |owned| owned.set_bounds(bounds)).await
    }

    /// Installs this node's certificate, key, authority and revocation list, as a whole.
    pub(crate) async fn install_tls(&self, identity: Identity<'_>) -> Result<()> {
        let [certificate, key, authority] = [identity.certificate, identity.key, identity.authority].map(str::to_owned);
        let (key, revoked) = (zeroize::Zeroizing::new(key), identity.revoked.map(str::to_owned));
        self.change(move |owned| {
            let identity = Identity {
                certificate: &certificate,
                key: &key,
                authority: &authority,
                revoked: revoked.as_deref(),
            };
            owned.install_tls(identity)
        })
        .await
    }

    /// Has PostgreSQL read what it could not read when it was installed.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        self.change(|_| Ok(false)).await
    }

    /// Puts the certificate of a node that is in no cluster back, which no peer believes.
    pub(crate) async fn install_placeholder(&self) -> Result<()> {
        self.change(Owned::install_placeholder).await
    }

    /// Installs a revocation list of the authority that is installed.
    pub(crate) async fn install_crl(&self, pem: &str) -> Result<()> {
        let pem = pem.to_owned();
        self.change(move |owned| owned.install_crl(&pem)).await
    }

    /// Changes files of an owned server; see `reload.rs`.
    async fn change<F>(&self, work: F) -> Result<()>
    where
        F: FnOnce(&Owned) -> Result<bool> + Send + 'static,
    {
        match &self.server {
            Server::Owned(owned) => owned.change(work).await,
            Server::Attached(_) => Err(Error::new(
                Kind::NotBuilt,
                "clustering over an attached PostgreSQL is not built",
            )
            .with_hint("remove postgres.url from the configuration, so that the node owns its PostgreSQL")),
        }
    }
}

/// The version of the programs that a node with this configuration would run.
///
/// # Errors
/// When there are none that can be used.
pub(crate) async fn version_of_programs(config: &config::Postgres, data_dir: &Path) -> Result<ServerVersion> {
    let account = account::Account::choose(&config.os_user)?;
    let wanted = initdb::made_by(&Paths::new(data_dir))?;
    let found = locate::Search::machine(config.bin_dir.as_deref())
        .find(&account, wanted)
        .await?;
    Ok(found.version())
}

/// Reads a URL without repeating it: it may hold a password.
pub(crate) fn read_url(url: &DatabaseUrl) -> Result<tokio_postgres::Config> {
    url.expose().parse().map_err(|error: tokio_postgres::Error| {
        Error::invalid_param("postgres.url cannot be understood")
            .with_hint("postgres://user:password@host:port/")
            .caused_by(error)
    })
}
