//! Single rows of this node and of a peer, to be compared, and what mends them. What differs and what mends it is decided
//! in `keystead::verify`.
//!
//! Keys are primary keys as JSON objects. The functions are in `migrations/V6__verify.sql`.

use bytes::Bytes;
use keystead::NodeNumber;
use keystead::clock::Micros;
use keystead::deadline::Work;
use keystead::verify::{Row, Rows};
use serde_json::Value;

use crate::copy::{Target, command_in, pass};
use crate::error::{Error, Result};
use crate::pool::Connection;
use crate::query::{Query, query};
use crate::side::{Answer, Side};

/// The most rows that a peer gives at once; more are cut off.
pub const MOST_ROWS: usize = 100_000;

/// The most keys that may be asked for at once.
pub const MOST_KEYS: usize = 1000;

/// A table whose rows are to be equal on all nodes.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its qualified name.
    pub relation: String,
    /// Its outbox.
    pub outbox: String,
    /// The columns that travel.
    pub columns: Vec<String>,
}

/// All tables whose rows are to be equal on all nodes.
pub async fn tables(db: &Connection) -> Result<Vec<Table>> {
    let rows = query!("verify/tables").rows(db, &[]).await?;
    let read = |row: &tokio_postgres::Row| Table {
        relation: row.get("relation"),
        outbox: row.get("outbox"),
        columns: row.get("columns"),
    };
    Ok(rows.iter().map(read).collect())
}

/// The size of the largest of them, in bytes.
pub async fn largest(db: &Connection) -> Result<i64> {
    Ok(query!("verify/largest").one(db, &[]).await?.get(0))
}

/// The rows of some buckets of a table.
///
/// # Errors
/// When there are more than [`MOST_ROWS`].
pub async fn rows_of_buckets(db: impl Into<Side<'_>>, relation: &str, buckets: i32, wanted: &[i32]) -> Result<Rows> {
    let rows = query!("verify/rows_of_buckets")
        .ask(db.into(), &[&relation, &buckets, &wanted], Work::Reading)
        .await?;
    if rows.len() > MOST_ROWS {
        return Err(Error::Unexpected(format!(
            "that {relation} has so many rows in a bucket"
        )));
    }
    rows.iter().map(read).collect()
}

/// The rows with these keys that are there; of at most [`MOST_KEYS`].
pub async fn rows_of_keys(db: impl Into<Side<'_>>, relation: &str, keys: &Value) -> Result<Rows> {
    let rows = query!("verify/rows_of_keys")
        .ask(db.into(), &[&relation, keys], Work::Reading)
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Answer) -> Result<(String, Row)> {
    let seen = Row {
        version: Micros(row.get("version")?),
        origin: NodeNumber(row.get("origin")?),
        deleted: row.get("deleted")?,
        hash: row.get("hash")?,
    };
    Ok((row.get("key")?, seen))
}

/// Merges the peer's rows with these keys into this node's, as if they arrived by replication. Nothing is sent on.
///
/// After a failure `db` is as before; `peer` may not be used again.
pub async fn merge(peer: impl Into<Side<'_>>, db: &Connection, table: &Table, keys: &Value) -> Result<()> {
    let begin = "begin; set local session_replication_role = replica";
    let work = read_into(peer.into(), db, table, Target::Outbox, keys);
    within(db, begin, work).await
}

/// Puts the peer's rows with these keys in the place of this node's where those have the same version or are not there,
/// and gives them a new version, which wins everywhere. How many rows were written anew.
///
/// After a failure `db` is as before; `peer` may not be used again.
pub async fn take(peer: impl Into<Side<'_>>, db: &Connection, table: &Table, keys: &Value) -> Result<i64> {
    let peer = peer.into();
    let work = async {
        query!("verify/stage").run_made(db, &[&table.outbox]).await?;
        read_into(peer, db, table, Target::Taken, keys).await?;
        batch(db, "set local session_replication_role = replica").await?;
        query!("verify/take").one(db, &[&table.relation]).await?;
        batch(db, "set local session_replication_role = origin").await?;
        touch(db, &table.relation, keys).await
    };
    within(db, "begin", work).await
}

/// Sends rows of this node out once more, as they are.
pub async fn send_again(db: &Connection, relation: &str, keys: &Value) -> Result<i64> {
    Ok(query!("verify/send_again").one(db, &[&relation, keys]).await?.get(0))
}

/// Gives rows of this node a new version, so that they win everywhere as they are. How many there were.
pub async fn touch(db: &Connection, relation: &str, keys: &Value) -> Result<i64> {
    Ok(query!("verify/touch").one(db, &[&relation, keys]).await?.get(0))
}

async fn read_into(peer: Side<'_>, db: &Connection, table: &Table, target: Target, keys: &Value) -> Result<()> {
    let (out, into) = (query!("verify/reading"), query!("copy/in"));
    let read: String = out.one(db, &[&table.relation, keys]).await?.get(0);
    let write = command_in(db, &table.relation, target, &table.columns).await?;
    let rows = peer.copy_out(out, &read).await?;
    let sink = Box::pin(
        db.copy_in::<_, Bytes>(&write)
            .await
            .map_err(|source| into.failed(source))?,
    );
    pass(rows, sink, &mut |_, _| {}).await
}

/// Does work in a transaction: all of it or nothing.
async fn within<T>(db: &Connection, begin: &'static str, work: impl Future<Output = Result<T>>) -> Result<T> {
    batch(db, begin).await?;
    let done = work.await;
    let ended = batch(db, if done.is_ok() { "commit" } else { "rollback" }).await;
    let done = done?;
    ended.map(|()| done)
}

async fn batch(db: &Connection, text: &'static str) -> Result<()> {
    let transaction = Query {
        name: "verify/transaction",
        text,
    };
    db.batch_execute(text)
        .await
        .map_err(|source| transaction.failed(source))
}
