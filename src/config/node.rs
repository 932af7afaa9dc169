//! Every key of a node's configuration file, with its unit and its default.
//!
//! This file holds the values and the rules between them ([`NodeConfig::validate`]). How they are read from text is
//! in `parse.rs`. What they do is explained to people in `docs/configuration.md`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::admission::Limits;
use crate::certificate::renewal::Lifetimes;
use crate::error::{Error, Result};
use crate::join::preflight::MAX_SKEW_MILLIS;
use crate::member::MAX_NODES;

/// What a node's configuration file says, with defaults for what it does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeConfig {
    /// Where everything of this node lives. Absolute. The one key without a default.
    pub data_dir: PathBuf,
    /// What the node is called; the host name when `None`.
    pub name: Option<String>,
    /// The door for users.
    pub rest: Rest,
    /// The PostgreSQL under this node.
    pub postgres: Postgres,
    /// How rows travel between nodes.
    pub replication: Replication,
    /// What the node does in its cluster.
    pub cluster: Cluster,
    /// How far clocks may be apart.
    pub clock: Clock,
    /// The first administrator.
    pub admin: Admin,
    /// What is logged, and how.
    pub log: Log,
}

/// `[rest]`: the door for users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// Address and port of HTTPS.
    pub listen: SocketAddr,
    /// A certificate chain in PEM; one is made on the first start when `None`. Given together with `key` or not at all.
    pub certificate: Option<PathBuf>,
    /// The key of `certificate`, in PEM, readable by nobody else.
    pub key: Option<PathBuf>,
    /// The largest request body taken, in bytes.
    pub max_body_bytes: usize,
    /// How many connections users may have.
    pub connections: Limits,
    /// Resets a node also when the request does not name it, as clients of the wire contract ask for it.
    pub reset_without_confirmation: bool,
}

impl Default for Rest {
    fn default() -> Self {
        Self {
            // Users expect https without a port in the address.
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 443),
            certificate: None,
            key: None,
            // The largest thing sent is a join with three PEM files, well under 100 KiB.
            max_body_bytes: 1024 * 1024,
            // Some 40 KB each, so 40 MB at the worst. One source has a quarter of them: a balancer is one source too.
            connections: Limits {
                total: 1024,
                per_source: 256,
            },
            // One request that is sent to the wrong address would delete a node.
            reset_without_confirmation: false,
        }
    }
}

/// `[postgres]`: the PostgreSQL under this node, its own or one that somebody else runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postgres {
    /// The folder of `postgres`, `initdb` and `pg_ctl`; looked for when `None`.
    pub bin_dir: Option<PathBuf>,
    /// Attach to this server instead of owning one.
    pub url: Option<DatabaseUrl>,
    /// Addresses the other nodes reach PostgreSQL at. Empty: nobody but this machine.
    pub listen: Vec<IpAddr>,
    /// Its port, which is also the port between nodes.
    pub port: u16,
    /// The account PostgreSQL runs as when the agent is started as root; not looked at otherwise.
    pub os_user: String,
    /// PostgreSQL's cache, with its unit: `128MB`.
    pub shared_buffers: String,
    /// How much WAL is kept for a peer that does not come to fetch it, with its unit. Beyond it the peer must
    /// synchronise anew; without such a limit a dead peer fills this node's disk.
    pub max_wal_kept_for_a_peer: String,
    /// Refuse a minor version without the fix of CVE-2026-6471 ([`crate::server_version`]), instead of a warning.
    pub require_fixed_minor: bool,
    /// Further settings, as text. Those the product chooses are refused ([`super::reserved`]).
    pub settings: BTreeMap<String, String>,
}

impl Default for Postgres {
    fn default() -> Self {
        Self {
            bin_dir: None,
            url: None,
            // Only members with a certificate of the cluster are admitted, and a node in no cluster admits nobody.
            listen: vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)],
            port: 5432,
            // The account that the distributions' packages make.
            os_user: "postgres".to_owned(),
            // PostgreSQL's own default: keys are small, and the agent should fit on a small machine.
            shared_buffers: "128MB".to_owned(),
            // About an hour of 2000 small writes a second.
            max_wal_kept_for_a_peer: "4GB".to_owned(),
            // A node that ran yesterday must not stand still because of a hole that members alone can use.
            require_fixed_minor: false,
            settings: BTreeMap::new(),
        }
    }
}

impl Postgres {
    /// [`Self::max_wal_kept_for_a_peer`] in bytes.
    pub fn max_wal_kept_bytes(&self) -> u64 {
        super::values::bytes(&self.max_wal_kept_for_a_peer).unwrap_or(u64::MAX)
    }
}

/// `[replication]`: how rows travel between nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replication {
    /// How long a write waits for other members, when it is to wait, until it is answered as not confirmed.
    pub ack_timeout: Duration,
    /// How long the tombstone of a deleted row is kept at the least; longer while a member has not seen it.
    pub tombstones_kept_for: Duration,
}

impl Default for Replication {
    fn default() -> Self {
        Self {
            // Long beside any pause of a peer that works, short beside the patience of clients, which is 30 s.
            ack_timeout: Duration::from_secs(5),
            // Long enough that a night's outage of one link is over before anybody has to reason about tombstones.
            tombstones_kept_for: Duration::from_hours(24),
        }
    }
}

/// A connection URL. It may hold a password, so it is not shown when the configuration is logged.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// A URL as it was written.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole text, with its password. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(hidden)")
    }
}

/// `[cluster]`: what the node does in its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// How often the node compares its data with that of another member; the members take turns.
    pub verify_every: Duration,
    /// How many nodes the cluster may have, as far as joins through this node go; at most [`MAX_NODES`].
    pub max_nodes: usize,
    /// How long certificates between nodes are good, and when they are made anew.
    pub lifetimes: Lifetimes,
    /// May a node's host be a loopback address? Only where all nodes are on one machine.
    pub allow_loopback: bool,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            // A difference is then known within minutes in small clusters, and looking costs little.
            verify_every: Duration::from_mins(5),
            max_nodes: MAX_NODES,
            lifetimes: Lifetimes::default(),
            allow_loopback: false,
        }
    }
}

/// `[clock]`: how far the clocks of nodes may be apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// From here on somebody is told, in milliseconds.
    pub alarm_skew_ms: i64,
    /// Beyond this a node may not join, in milliseconds.
    pub join_skew_ms: i64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            // Far above what NTP allows, far below what anybody is harmed by.
            alarm_skew_ms: 500,
            join_skew_ms: MAX_SKEW_MILLIS,
        }
    }
}

/// `[admin]`: the first administrator.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admin {
    /// A file with the first password of `admin`. Without it the node makes a random one and keeps it in a file of its
    /// own. Either must be changed at the first log-in.
    pub password_file: Option<PathBuf>,
    /// Without a password file the first password is `admin`, which everybody knows: for tests alone.
    pub well_known_password: bool,
}

/// `[log]`: what is logged, and how. The log goes to standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Lines for people or for programs.
    pub format: LogFormat,
    /// What is let through, as `tracing` understands it: `info,keysteadd::join=debug`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

/// The shape of a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One line of text for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl NodeConfig {
    /// A node that lives in `data_dir` and says nothing else.
    pub fn at(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            name: None,
            rest: Rest::default(),
            postgres: Postgres::default(),
            replication: Replication::default(),
            cluster: Cluster::default(),
            clock: Clock::default(),
            admin: Admin::default(),
            log: Log::default(),
        }
    }

    /// What the node is called on a machine called `host`.
    pub fn name_or<'a>(&'a self, host: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(host)
    }

    /// Checks what only shows when all values are known: to be called again after a flag has replaced one.
    pub fn validate(&self) -> Result<()> {
        data_dir(&self.data_dir).map_err(|wrong| Error::invalid_param(format!("data_dir {wrong}")))?;
        let wrong = if self.rest.certificate.is_some() != self.rest.key.is_some() {
            "rest.certificate and rest.key are given together or not at all"
        } else if self.postgres.url.is_some() && self.postgres.bin_dir.is_some() {
            "postgres.url attaches to a server that somebody else runs, so postgres.bin_dir cannot be given with it"
        } else if self.postgres.url.is_some() && !self.postgres.settings.is_empty() {
            "postgres.url attaches to a server that somebody else runs, so postgres.settings cannot be given with it"
        } else if self.cluster.lifetimes.renewed_before >= Some(self.cluster.lifetimes.certificate) {
            "cluster.certificate_renewed_before must be less than cluster.certificate_lifetime"
        } else {
            return Ok(());
        };
        Err(Error::invalid_param(wrong))
    }
}

/// What is wrong with a data folder, if anything. Its name ends up between quotes in PostgreSQL's settings and in the
/// command line that `pg_ctl` gives to a shell, so it may hold nothing that means something there.
pub(super) fn data_dir(path: &Path) -> Result<(), String> {
    if !path.is_absolute() {
        return Err("must be an absolute path, as in \"/var/lib/keystead\"".to_owned());
    }
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@= ".contains(c);
    match path.to_str() {
        Some(text) if text.chars().all(plain) => Ok(()),
        _ => Err("may hold letters, digits, spaces and any of / . _ - + , : @ =".to_owned()),
    }
}
