//! What a backup reads and what a restore replaces: the tables of the users' data, as they were at one moment.
//!
//! Rows go through as PostgreSQL writes them, undecoded, with the version and origin they have. A backup reads them in one
//! snapshot. A restore puts them in the place of those that are there, in one transaction: until its end readers see what
//! was, and if it does not come to its end nothing has changed.

use bytes::Bytes;
use futures_util::{Sink, Stream, TryStreamExt as _};
use keystead::{Error as Refusal, Result as Decided};
use serde::{Deserialize, Serialize};

use crate::copy::{Target, command_in};
use crate::error::{Error, Result};
use crate::pool::Connection;
use crate::query::query;

/// The tables of the users' data. All other tables that replicate are the cluster's own.
const TABLES: [&str; 3] = ["public.account", "public.key", "public.syslog"];

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its qualified name.
    pub relation: String,
    /// The columns that a backup holds.
    pub columns: Vec<String>,
}

impl Table {
    /// Is this a table that backups hold?
    ///
    /// # Errors
    /// When it is not: then nothing is to be written into it, whatever a file says.
    pub fn check(&self) -> Decided<()> {
        if TABLES.contains(&self.relation.as_str()) {
            return Ok(());
        }
        Err(Refusal::invalid_param(format!(
            "the backup holds {:.60}, which this version does not restore",
            self.relation
        )))
    }
}

/// From now on `db` sees the data as it is now, until [`end_snapshot`].
pub async fn begin_snapshot(db: &Connection) -> Result<()> {
    batch(db, "begin isolation level repeatable read read only").await
}

/// Ends it.
pub async fn end_snapshot(db: &Connection) -> Result<()> {
    batch(db, "commit").await
}

/// The tables with their columns.
pub async fn tables(db: &Connection) -> Result<Vec<Table>> {
    let rows = query!("backup/tables").rows(db, &[&TABLES.as_slice()]).await?;
    let read = |row: &tokio_postgres::Row| Table {
        relation: row.get("relation"),
        columns: row.get("columns"),
    };
    Ok(rows.iter().map(read).collect())
}

/// The size of the tables in bytes, without their indexes.
pub async fn bytes(db: &Connection) -> Result<u64> {
    let bytes: i64 = query!("backup/bytes").one(db, &[&TABLES.as_slice()]).await?.get(0);
    Ok(bytes.unsigned_abs())
}

/// The epochs of the key-encryption keys that material is wrapped with.
pub async fn epochs(db: &Connection) -> Result<Vec<i32>> {
    let rows = query!("backup/epochs").rows(db, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Are there keys that a restore would replace?
pub async fn has_keys(db: &Connection) -> Result<bool> {
    Ok(query!("backup/has_keys").one(db, &[]).await?.get(0))
}

/// The rows of a table, tombstones included.
pub async fn rows(db: &Connection, table: &Table) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
    let out = query!("copy/out");
    let read: String = out.one(db, &[&table.relation, &table.columns]).await?.get(0);
    let rows = db.copy_out(&read).await.map_err(|source| out.failed(source))?;
    Ok(rows.map_err(move |source| out.failed(source)))
}

/// Begins to replace the data. Writers wait until the end; readers see what was. Triggers stay silent.
pub async fn begin_restore(db: &Connection) -> Result<()> {
    batch(db, "begin; set local session_replication_role = replica").await?;
    query!("backup/lock").run_made(db, &[&TABLES.as_slice()]).await?;
    for relation in TABLES {
        query!("backup/empty").run_made(db, &[&relation]).await?;
    }
    Ok(())
}

/// Takes the rows of a table, until it is closed. Dropped before that, none.
pub async fn fill(db: &Connection, table: &Table) -> Result<impl Sink<Bytes, Error = tokio_postgres::Error> + use<>> {
    let into = query!("copy/in");
    let write = command_in(db, &table.relation, Target::Table, &table.columns).await?;
    db.copy_in::<_, Bytes>(&write)
        .await
        .map_err(|source| into.failed(source))
}

/// What PostgreSQL did not like about rows.
pub fn not_filled(source: tokio_postgres::Error) -> Error {
    query!("copy/in").failed(source)
}

/// The rows are in. What is written from here on until the end is written by this node, as ever.
pub async fn end_rows(db: &Connection) -> Result<()> {
    batch(db, "set local session_replication_role = origin").await
}

/// Ends the restore: from now on everybody sees what was restored, and [`restored`] says by which run.
pub async fn end_restore(db: &Connection, run: &str) -> Result<()> {
    query!("backup/mark").run(db, &[&run]).await?;
    batch(db, "commit").await
}

/// The run of the restore that the data comes from, if it comes from one.
pub async fn restored(db: &Connection) -> Result<Option<String>> {
    Ok(query!("backup/restored").opt(db, &[]).await?.map(|row| row.get(0)))
}

async fn batch(db: &Connection, text: &'static str) -> Result<()> {
    let done = db.batch_execute(text).await;
    done.map_err(|source| Error::Query { query: text, source })
}
