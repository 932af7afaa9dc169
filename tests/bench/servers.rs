//! Two PostgreSQL servers on disk, set up as on a node, with the same table four times: plain, published natively, and
//! enlisted twice, so that none grows more than another. The second server subscribes to the latter three, and to the last
//! one in two lanes.

use std::os::unix::fs::chown;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use keystead::NodeNumber;
use keystead::replication::names::{self, PUBLICATION};
use nix::unistd::{Uid, User};
use sql::database::CLUSTER;
use sql::{Connection, lane, link};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::harness::postgres::{Postgres, program};
use crate::harness::wait::until;

/// What the origin publishes beside what is enlisted.
const PUBLICATIONS: &str = "create publication native for table public.native";

/// What a node runs with.
const SETTINGS: &str = include_str!("../../appliance/src/postgres/postgresql.conf");

/// Long beside any backlog that is made here.
const PATIENCE: Duration = Duration::from_mins(5);

/// A table, and its subscriptions if there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Plain,
    Native,
    Enlisted,
    Lanes,
}

/// Those whose subscriptions work unless they are told to rest. That of the lanes is told to work.
pub(crate) const AT_WORK: [Table; 2] = [Table::Native, Table::Enlisted];

impl Table {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Native => "native",
            Self::Enlisted => "enlisted",
            Self::Lanes => "lanes",
        }
    }

    /// The names of its subscriptions and of their slots.
    fn subscriptions(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[],
            Self::Native => &["native"],
            Self::Enlisted => &["enlisted"],
            Self::Lanes => &["enlisted", "lane_1"],
        }
    }

    /// Do both come by the same subscription?
    pub(crate) fn shares_with(self, other: Self) -> bool {
        self.subscriptions()
            .iter()
            .any(|name| other.subscriptions().contains(name))
    }

    /// In how many lanes the origin sends when this is measured.
    fn lanes(self) -> i32 {
        if self == Self::Lanes { 2 } else { 1 }
    }

    /// The columns that a writer sets and a row for them, about as long as a key's.
    pub(crate) fn row() -> &'static str {
        "(id, name, wrapped, size) values (gen_random_uuid()::text, 'the name of a key', \
         '\\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627', 256)"
    }
}

/// The two servers, each with a session in its database.
pub(crate) struct Servers {
    pub(crate) origin: Connection,
    pub(crate) subscriber: Connection,
    origin_server: Postgres,
    _subscriber_server: Postgres,
}

impl Servers {
    /// The version of PostgreSQL.
    pub(crate) async fn version(&self) -> Result<String> {
        Ok(self.origin.query_one("show server_version", &[]).await?.get(0))
    }

    /// Starts both and lets the second subscribe.
    pub(crate) async fn start() -> Result<Self> {
        let (origin_server, origin) = server(1).await?;
        let (subscriber_server, subscriber) = server(2).await?;
        origin.batch_execute(PUBLICATIONS).await?;
        let servers = Self {
            origin,
            subscriber,
            origin_server,
            _subscriber_server: subscriber_server,
        };
        servers.subscribe().await?;
        Ok(servers)
    }

    /// All subscriptions have the same options; the enlisted ones are made as the product makes them.
    async fn subscribe(&self) -> Result<()> {
        let from = self.origin_server.url(CLUSTER);
        for (name, publication) in [("enlisted", PUBLICATION), ("lane_1", &names::lane_publication(1))] {
            link::make_slot(&self.origin, name).await?;
            link::subscribe_to(&self.subscriber, name, &from, publication).await?;
        }
        link::make_slot(&self.origin, "native").await?;
        self.subscriber
            .batch_execute(&format!(
                "create subscription native connection '{from}' publication native
                 with (create_slot = false, slot_name = native, copy_data = false, enabled = false,
                       binary = true, streaming = on, synchronous_commit = off, disable_on_error = false)"
            ))
            .await?;
        for table in AT_WORK {
            self.enable(table).await?;
        }
        self.settle().await
    }

    /// Lets the origin send in as many lanes as a table is to be measured in.
    pub(crate) async fn send_in_lanes_of(&self, table: Table) -> Result<()> {
        until("the number of lanes is set", PATIENCE, async || {
            Ok(lane::send_in(&self.origin, table.lanes()).await?)
        })
        .await
    }

    /// Stops those of a table's subscriptions that work for no other.
    pub(crate) async fn rest_alone(&self, table: Table) -> Result<()> {
        let shared = |name: &&str| AT_WORK.iter().any(|other| other.subscriptions().contains(name));
        for name in table.subscriptions().iter().filter(|name| !shared(name)) {
            link::pause(&self.subscriber, name).await?;
        }
        Ok(())
    }

    /// Lets a table's subscriptions work.
    pub(crate) async fn enable(&self, table: Table) -> Result<()> {
        for name in table.subscriptions() {
            link::enable(&self.subscriber, name).await?;
        }
        Ok(())
    }

    /// Stops a table's subscriptions.
    pub(crate) async fn disable(&self, table: Table) -> Result<()> {
        for name in table.subscriptions() {
            link::pause(&self.subscriber, name).await?;
        }
        Ok(())
    }

    /// From now on writers at the origin may wait for the subscriber of this table.
    pub(crate) async fn let_writers_wait_for(&self, table: Table) -> Result<()> {
        let names = format!(
            "alter system set synchronous_standby_names = 'ANY 1 (\"{}\")'",
            table.name()
        );
        self.origin.batch_execute(&names).await?;
        Ok(self.origin.batch_execute("select pg_reload_conf()").await?)
    }

    /// Waits until everything that was written has been applied.
    pub(crate) async fn settle(&self) -> Result<()> {
        let end = self.position().await?;
        for table in AT_WORK {
            self.wait_until_applied(table, end).await?;
        }
        Ok(())
    }

    /// Lets one subscription work alone, as where there is no other: every one reads the whole WAL.
    pub(crate) async fn rest(&self, other: Table) -> Result<()> {
        self.settle().await?;
        self.disable(other).await?;
        until("nobody reads for the subscription that rests", PATIENCE, async || {
            let readers = "select count(*) from pg_replication_slots where slot_name = any ($1) and active";
            let names = other.subscriptions();
            Ok(self.origin.query_one(readers, &[&names]).await?.get::<_, i64>(0) == 0)
        })
        .await
    }

    /// Waits until all of a table's subscriptions are read for.
    pub(crate) async fn wait_until_read(&self, table: Table) -> Result<()> {
        until("the subscriptions are read for", PATIENCE, async || {
            let readers = "select from pg_replication_slots where slot_name = any ($1) and active
                           having count(*) = cardinality($1)";
            let names = table.subscriptions();
            Ok(self.origin.query_opt(readers, &[&names]).await?.is_some())
        })
        .await
    }

    /// Lets a subscription that rested catch up.
    pub(crate) async fn wake(&self, other: Table) -> Result<()> {
        self.enable(other).await?;
        self.settle().await
    }

    /// The end of the origin's WAL.
    pub(crate) async fn position(&self) -> Result<i64> {
        let end = "select (pg_current_wal_insert_lsn() - '0/0')::bigint";
        Ok(self.origin.query_one(end, &[]).await?.get(0))
    }

    /// Waits until a subscription has applied everything up to a position.
    pub(crate) async fn wait_until_applied(&self, table: Table, position: i64) -> Result<()> {
        let applied =
            "select min(replay_lsn - '0/0')::bigint from pg_stat_replication where application_name = any ($1)
                       having count(*) = cardinality($1)";
        let names = table.subscriptions();
        // Idle WAL is reported only now and then; a write of its own is reported at once.
        self.origin
            .batch_execute("select pg_logical_emit_message(true, 'bench', '')")
            .await?;
        until("what was written is applied", PATIENCE, async || {
            let row = self.origin.query_opt(applied, &[&names]).await?;
            Ok(row
                .and_then(|row| row.get::<_, Option<i64>>(0))
                .is_some_and(|at| at >= position))
        })
        .await
    }

    /// Runs pgbench at the origin with 8 clients for so many seconds; transactions a second.
    pub(crate) async fn pgbench(&self, script: &str, seconds: u32) -> Result<f64> {
        let mut command = Command::from(program("pgbench")?);
        command.args([
            "--no-vacuum",
            "--protocol",
            "prepared",
            "--client",
            "8",
            "--jobs",
            "2",
            "--file",
            "-",
        ]);
        command
            .args(["--time", &seconds.to_string()])
            .arg(self.origin_server.url(CLUSTER));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        stdin.write_all(script.as_bytes()).await?;
        drop(stdin);
        let output = child.wait_with_output().await?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let line = said.lines().find_map(|line| line.strip_prefix("tps = "));
        let number = line
            .and_then(|line| line.split_whitespace().next())
            .context("pgbench told no tps")?;
        Ok(number.parse()?)
    }
}

/// A server whose database has the kit and the three tables.
async fn server(number: i32) -> Result<(Postgres, Connection)> {
    let folder = tempfile::Builder::new().prefix("ks-bench-").tempdir_in("/var/tmp")?;
    // As root, PostgreSQL runs as somebody else.
    if Uid::effective().is_root() {
        let user = User::from_name("postgres")?.context("there is no user postgres")?;
        chown(folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    }
    let settings: Vec<String> = settings().collect();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let server = Postgres::start_in(folder, &settings).await?;
    sql::database::ensure(&sql::connect(&server.config("postgres")).await?, CLUSTER).await?;
    sql::migrate::cluster(&server.config(CLUSTER)).await?;
    let db = sql::connect(&server.config(CLUSTER)).await?;
    sql::replication::become_node(&db, NodeNumber(number)).await?;
    db.batch_execute(
        "create table public.plain (id text primary key, name text not null, wrapped bytea, size integer not null,
                                    created_at timestamptz not null default now());
         create table public.native (like public.plain including all);
         create table public.enlisted (like public.plain including all);
         create table public.lanes (like public.plain including all);
         select replication.enlist('public.enlisted', '{\"deleted\": \"greatest\"}');
         select replication.enlist('public.lanes', '{\"deleted\": \"greatest\"}')",
    )
    .await?;
    Ok((server, db))
}

/// The settings of a node that do not depend on the node, but where it logs to.
fn settings() -> impl Iterator<Item = String> {
    let settings = SETTINGS.lines().filter_map(|line| {
        let (name, rest) = line.split_once(" = ")?;
        let value = rest.split('#').next()?.trim().trim_matches('\'');
        (!name.starts_with('#') && !name.starts_with("log") && !value.contains('{')).then(|| format!("{name}={value}"))
    });
    settings.chain(["listen_addresses=".to_owned()])
}
