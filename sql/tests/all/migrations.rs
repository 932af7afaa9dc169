//! The schema: what it is, and that bringing it up to date again changes nothing.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use sql::{database, migrate};

use crate::postgres::{Postgres, program};

#[tokio::test]
async fn migrating_again_changes_nothing() -> Result<()> {
    let postgres = migrated().await?;
    let before = schema(&postgres)?;
    migrate::cluster(&postgres.config(database::CLUSTER)).await?;
    migrate::local(&postgres.config(database::LOCAL)).await?;
    assert_eq!(schema(&postgres)?, before);
    Ok(())
}

#[tokio::test]
async fn a_database_that_was_half_dropped_is_made_anew() -> Result<()> {
    let postgres = migrated().await?;
    let server = sql::connect(&postgres.config("postgres")).await?;
    // What PostgreSQL leaves when it is killed while it drops one.
    let half_dropped = "update pg_database set datconnlimit = -2 where datname = $1";
    for name in [database::CLUSTER, database::LOCAL] {
        server.execute(half_dropped, &[&name]).await?;
        ensure!(
            sql::connect(&postgres.config(name)).await.is_err(),
            "{name} can be used"
        );
        ensure!(!database::exists(&server, name).await?, "{name} is said to be there");
        database::ensure(&server, name).await?;
        ensure!(database::exists(&server, name).await?, "{name} is not there");
    }
    migrate::cluster(&postgres.config(database::CLUSTER)).await?;
    migrate::local(&postgres.config(database::LOCAL))
        .await
        .map_err(Into::into)
}

#[tokio::test]
async fn two_agents_may_migrate_one_database_at_once() -> Result<()> {
    let postgres = Postgres::start().await?;
    let server = sql::connect(&postgres.config("postgres")).await?;
    database::ensure(&server, database::CLUSTER).await?;
    let config = postgres.config(database::CLUSTER);
    tokio::try_join!(migrate::cluster(&config), migrate::cluster(&config))?;
    let db = sql::connect(&config).await?;
    let newest: i32 = db
        .query_one("select max(version) from refinery_schema_history", &[])
        .await?
        .get(0);
    assert_eq!(newest, i32::try_from(migrate::newest())?);
    Ok(())
}

#[tokio::test]
async fn the_schema_is_the_one_that_was_read_and_agreed_to() -> Result<()> {
    let postgres = migrated().await?;
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql");
    let schema = schema(&postgres)?;
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &schema)?;
    }
    let agreed = fs::read_to_string(&golden).context("sql/schema.sql: make it with UPDATE_GOLDEN=1")?;
    assert!(
        agreed == schema,
        "sql/schema.sql is not what the migrations make: look at the change with UPDATE_GOLDEN=1"
    );
    Ok(())
}

async fn migrated() -> Result<Postgres> {
    let postgres = Postgres::start().await?;
    let server = sql::connect(&postgres.config("postgres")).await?;
    for name in [database::CLUSTER, database::LOCAL] {
        database::ensure(&server, name).await?;
    }
    migrate::cluster(&postgres.config(database::CLUSTER)).await?;
    migrate::local(&postgres.config(database::LOCAL)).await?;
    Ok(postgres)
}

/// Both databases as SQL, without what depends on the version of `pg_dump`.
fn schema(postgres: &Postgres) -> Result<String> {
    let mut schema = String::new();
    for name in [database::CLUSTER, database::LOCAL] {
        writeln!(
            schema,
            "-- The database {name}, made from its migrations by a test; not to be edited."
        )?;
        let dump = program("pg_dump")?
            .args(["--schema-only", "--no-owner", "--dbname"])
            .arg(postgres.url(name))
            .output()?;
        ensure!(
            dump.status.success(),
            "pg_dump: {}",
            String::from_utf8_lossy(&dump.stderr)
        );
        push_statements(&mut schema, &String::from_utf8(dump.stdout)?);
    }
    Ok(schema)
}

fn push_statements(schema: &mut String, dump: &str) {
    let noise = [
        "--",
        "\\restrict",
        "\\unrestrict",
        "SET ",
        "SELECT pg_catalog.set_config(",
    ];
    let mut blank = false;
    for line in dump
        .lines()
        .filter(|line| !noise.iter().any(|start| line.starts_with(start)))
    {
        if line.is_empty() {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) {
            schema.push('\n');
        }
        schema.push_str(line);
        schema.push('\n');
    }
    schema.push('\n');
}
