//! The first copy of a joining node: binary, straight from a member's table into the empty table here.
//!
//! Rows are passed through as they come, undecoded. The whole table is one transaction that begins by emptying it, so
//! a copy that was cut off is simply done again.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// An enlisted table with what there is to copy.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its qualified name.
    pub relation: String,
    /// The columns that travel.
    pub columns: Vec<String>,
    /// Its rows, tombstones included.
    pub rows: u64,
    /// Its size on disk.
    pub bytes: u64,
}

/// The tables of a peer.
pub async fn tables(peer: &Connection) -> Result<Vec<Table>> {
    let rows = query!("copy/tables").rows(peer, &[]).await?;
    let read = |row: &tokio_postgres::Row| Table {
        relation: row.get("relation"),
        columns: row.get("columns"),
        rows: row.get::<_, i64>("row_count").unsigned_abs(),
        bytes: row.get::<_, i64>("bytes").unsigned_abs(),
    };
    Ok(rows.iter().map(read).collect())
}

/// Copies one table from `peer` into the database behind `db`, calling `copied(rows, bytes)` as they go by.
///
/// Triggers stay silent: rows keep the version and origin they have. After a failure `db` is as before and may be used
/// again; `peer` may not.
pub async fn table<F>(peer: &Connection, db: &Connection, table: &Table, mut copied: F) -> Result<()>
where
    F: FnMut(u64, u64) + Send,
{
    let into = query!("copy/in");
    db.batch_execute("begin; set local session_replication_role = replica")
        .await
        .map_err(|source| into.failed(source))?;
    let filled = fill(peer, db, table, &mut copied).await;
    let end = if filled.is_ok() { "commit" } else { "rollback" };
    let ended = db.batch_execute(end).await.map_err(|source| into.failed(source));
    filled.and(ended)
}

async fn fill<F>(peer: &Connection, db: &Connection, table: &Table, copied: &mut F) -> Result<()>
where
    F: FnMut(u64, u64) + Send,
{
    let (out, into, empty) = (query!("copy/out"), query!("copy/in"), query!("copy/empty"));
    empty.run_made(db, &[&table.relation]).await?;
    let read: String = out.one(peer, &[&table.relation, &table.columns]).await?.get(0);
    let write: String = into.one(db, &[&table.relation, &table.columns]).await?.get(0);
    let rows = Box::pin(peer.copy_out(&read).await.map_err(|source| out.failed(source))?);
    let sink = Box::pin(
        db.copy_in::<_, Bytes>(&write)
            .await
            .map_err(|source| into.failed(source))?,
    );
    pass(rows, sink, copied).await
}

/// PostgreSQL sends one message a row and one more for the end; small ones are joined to spare system calls.
pub(crate) async fn pass<R, S, F>(mut rows: R, mut sink: S, copied: &mut F) -> Result<()>
where
    R: futures_util::Stream<Item = Result<Bytes, tokio_postgres::Error>> + Unpin,
    S: futures_util::Sink<Bytes, Error = tokio_postgres::Error> + Unpin,
    F: FnMut(u64, u64),
{
    let (out, into) = (query!("copy/out"), query!("copy/in"));
    while let Some(message) = rows.next().await {
        let message = message.map_err(|source| out.failed(source))?;
        copied(u64::from(!is_trailer(&message)), message.len() as u64);
        sink.feed(message).await.map_err(|source| into.failed(source))?;
    }
    sink.close().await.map_err(|source| into.failed(source))
}

/// Is it the last message, which holds no row? The first one has the header of the format before its row.
fn is_trailer(message: &[u8]) -> bool {
    let header = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
    message.strip_prefix(header.as_slice()).unwrap_or(message) == [0xff, 0xff]
}
