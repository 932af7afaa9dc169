//! Copies a peer's tables: binary, rows passed through as they come, undecoded.
//!
//! The first copy of a joining node goes straight into the empty table ([`table`]): one transaction that begins by emptying
//! it. Into a table that is in use rows go through the merge ([`merge`]): small transactions, so that nobody waits long.
//! Either may simply be done again when it was cut off.

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// What PostgreSQL's binary format begins with.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What it ends with.
const TRAILER: &[u8] = &[0xff, 0xff];

/// Rows merged in one transaction: each is locked until its end.
const CHUNK_ROWS: u64 = 500;

/// Bytes merged in one transaction, for rows that are large.
const CHUNK_BYTES: usize = 1 << 20;

/// How often to merge a chunk that met a writer who locked the same rows in another order.
const MERGE_TRIES: usize = 10;

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
    message.strip_prefix(HEADER).unwrap_or(message) == TRAILER
}

/// Merges one table of `peer` into the same table behind `db`, calling `copied(rows, bytes)` as they go by.
///
/// What is newer here stays. Nothing is sent on. After a failure `peer` may not be used again.
pub async fn merge<F>(peer: &Connection, db: &Connection, table: &Table, mut copied: F) -> Result<()>
where
    F: FnMut(u64, u64) + Send,
{
    let (out, into) = (query!("copy/out"), query!("copy/in"));
    let outbox: String = query!("copy/outbox").one(db, &[&table.relation]).await?.get(0);
    let write: String = into.one(db, &[&outbox, &table.columns]).await?.get(0);
    let read: String = out.one(peer, &[&table.relation, &table.columns]).await?.get(0);
    let mut rows = Box::pin(peer.copy_out(&read).await.map_err(|source| out.failed(source))?);
    let mut chunk = Chunk::default();
    while let Some(message) = rows.next().await {
        chunk.add(&message.map_err(|source| out.failed(source))?);
        if chunk.is_full() {
            chunk.merge(db, &write, &mut copied).await?;
        }
    }
    chunk.merge(db, &write, &mut copied).await
}

/// Rows that are merged in one transaction.
#[derive(Default)]
struct Chunk {
    rows: u64,
    bytes: BytesMut,
}

impl Chunk {
    fn add(&mut self, message: &[u8]) {
        let row = message.strip_prefix(HEADER).unwrap_or(message);
        if row != TRAILER {
            self.rows += 1;
            self.bytes.put_slice(row);
        }
    }

    fn is_full(&self) -> bool {
        self.rows >= CHUNK_ROWS || self.bytes.len() >= CHUNK_BYTES
    }

    /// Merges what is in it and empties it. One of two that wait for each other has to go; if it is this one, again.
    async fn merge<F: FnMut(u64, u64)>(&mut self, db: &Connection, write: &str, copied: &mut F) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut whole = BytesMut::with_capacity(HEADER.len() + self.bytes.len() + TRAILER.len());
        whole.put_slice(HEADER);
        whole.put_slice(&self.bytes);
        whole.put_slice(TRAILER);
        let whole = whole.freeze();
        let mut tried = 1;
        loop {
            match merge_once(db, write, whole.clone()).await {
                Err(error) if error.is_deadlock() && tried < MERGE_TRIES => tried += 1,
                outcome => {
                    outcome?;
                    break;
                }
            }
        }
        copied(self.rows, self.bytes.len() as u64);
        self.rows = 0;
        self.bytes.clear();
        Ok(())
    }
}

async fn merge_once(db: &Connection, write: &str, rows: Bytes) -> Result<()> {
    let into = query!("copy/in");
    let failed = |source| into.failed(source);
    db.batch_execute("begin; set local session_replication_role = replica")
        .await
        .map_err(failed)?;
    let merged = async {
        let mut sink = Box::pin(db.copy_in::<_, Bytes>(write).await?);
        sink.send(rows).await?;
        sink.close().await
    };
    let merged = merged.await.map_err(failed);
    let end = if merged.is_ok() { "commit" } else { "rollback" };
    let ended = db.batch_execute(end).await.map_err(failed);
    merged.and(ended)
}
