//! Brings a database to the newest schema, and into force who may do what in it: `queries/rights`. Each node migrates
//! itself; versions are compared before a join.
//!
//! Refinery does the work and checks that applied migrations have not changed. It takes no lock itself, so one is
//! taken around it: two agents may start on one database.

use keystead::replication::names::ROLE_PREFIX;
use tokio_postgres::Config;

use crate::error::{Error, Result};
use crate::pool::drive;
use crate::query::{Query, query};

mod cluster {
    refinery::embed_migrations!("migrations");
}

mod local {
    refinery::embed_migrations!("local_migrations");
}

/// Any number that nobody else locks: "keys" in ASCII.
const LOCK: i64 = 0x6b65_7973;

/// So long a migration waits for each lock: a peer's session may hold one, and is ended by the agent that runs after this.
const LOCK_TIMEOUT: &str = "set lock_timeout = '30s'";

/// Migrates the database `keystead`, the one that replicates.
///
/// # Errors
/// When PostgreSQL is away, or a migration that was applied has changed since.
pub async fn cluster(config: &Config) -> Result<()> {
    run(config, cluster_runner()?, query!("rights/settle")).await
}

/// Migrates the database `keystead_local`.
///
/// # Errors
/// As [`cluster()`].
pub async fn local(config: &Config) -> Result<()> {
    run(config, local::migrations::runner(), query!("rights/settle_local")).await
}

/// The number of the newest migration of the database that replicates.
pub fn newest() -> u32 {
    let runner = cluster_runner().unwrap_or_else(|_| cluster::migrations::runner());
    let newest = runner.get_migrations().iter().map(refinery::Migration::version).max();
    newest
        .and_then(|version| u32::try_from(version).ok())
        .unwrap_or_default()
}

/// The migrations of this version.
#[cfg(not(feature = "failpoints"))]
#[expect(clippy::unnecessary_wraps, reason = "with fail points it may fail")]
fn cluster_runner() -> Result<refinery::Runner> {
    Ok(cluster::migrations::runner())
}

/// The same, and those in the folder that a test names: what the next version will bring. A release has none.
#[cfg(feature = "failpoints")]
fn cluster_runner() -> Result<refinery::Runner> {
    let runner = cluster::migrations::runner();
    let Some(folder) = std::env::var_os("KEYSTEAD_MORE_MIGRATIONS") else {
        return Ok(runner);
    };
    let mut all = runner.get_migrations().clone();
    all.extend(refinery::load_sql_migrations(folder).map_err(Error::Migrate)?);
    Ok(refinery::Runner::new(&all))
}

/// Migrates, then brings into force who may do what with everything that is there by now.
async fn run(config: &Config, runner: refinery::Runner, rights: Query) -> Result<()> {
    let away = |source| Error::Connect(Box::new(source));
    let (mut client, connection) = config.connect(tokio_postgres::NoTls).await.map_err(away)?;
    let driver = drive(connection);
    let locked = |source| Error::Query {
        query: "migrate/lock",
        source,
    };
    // Of the session, so it goes when the connection does, whatever happens.
    client
        .execute("select pg_advisory_lock($1)", &[&LOCK])
        .await
        .map_err(locked)?;
    let migrated = async {
        let make_way = query!("session/end_transactions");
        let made = client.query_one(make_way.text, &[&ROLE_PREFIX]).await;
        made.map_err(|source| make_way.failed(source))?;
        let bound = client.batch_execute(LOCK_TIMEOUT).await;
        bound.map_err(locked)?;
        runner.run_async(&mut client).await.map_err(Error::Migrate)?;
        let settled = client.batch_execute(rights.text).await;
        settled.map_err(|source| rights.failed(source))
    };
    let migrated = migrated.await;
    drop(client);
    let _ended = driver.await;
    migrated
}
