//! Copies a peer's tables: binary, rows passed through as they come, undecoded.
//!
//! The first copy of a joining node goes straight into the empty table ([`table`]): one transaction that begins by emptying
//! it. Into tables that are in use rows go through the merge ([`merge`]): what the peer has at one moment is laid aside, and
//! what of it differs is merged in one transaction, so that what was written together is seen together here too.
//! Either may simply be done again when it was cut off.

use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use keystead::deadline::Work;

use crate::error::{Error, Result};
use crate::peer::Copying;
use crate::pool::Connection;
use crate::query::{Params, Query, query};
use crate::side::{Answer, Side};

/// What PostgreSQL's binary format begins with.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What it ends with.
const TRAILER: &[u8] = &[0xff, 0xff];

/// How often to merge rows that met a writer who locked the same ones in another order.
const MERGE_TRIES: usize = 10;

/// Bytes of rows that are passed on at once, if a row is not longer.
const PIECE: usize = 64 * 1024;

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

/// Where rows go that are copied.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// The enlisted table.
    Table,
    /// Its outbox, which merges them.
    Outbox,
    /// Where they are laid aside, to be merged.
    Staged,
    /// Where they are laid aside, to be put in the place of others.
    Taken,
}

/// The command that takes rows of an enlisted table.
///
/// # Errors
/// [`Error::Foreign`] when it is none: its name comes from a peer or a file, and must not become part of a statement.
pub(crate) async fn command_in(db: &Connection, relation: &str, target: Target, columns: &[String]) -> Result<String> {
    let target = match target {
        Target::Table => "table",
        Target::Outbox => "outbox",
        Target::Staged => "staged",
        Target::Taken => "taken",
    };
    let row = query!("copy/in").opt(db, &[&relation, &target, &columns]).await?;
    row.map(|row| row.get(0))
        .ok_or_else(|| Error::Foreign(relation.to_owned()))
}

/// The tables of a peer.
pub async fn tables(peer: impl Into<Side<'_>>) -> Result<Vec<Table>> {
    let rows = query!("copy/tables").ask(peer.into(), &[], Work::Reading).await?;
    let read = |row: &Answer| {
        Ok(Table {
            relation: row.get("relation")?,
            columns: row.get("columns")?,
            rows: row.get::<i64>("row_count")?.unsigned_abs(),
            bytes: row.get::<i64>("bytes")?.unsigned_abs(),
        })
    };
    rows.iter().map(read).collect()
}

/// Copies one table from `peer` into the database behind `db`, calling `copied(rows, bytes)` as they go by.
///
/// Triggers stay silent: rows keep the version and origin they have. After a failure `db` is as before and may be used
/// again; `peer` may not.
pub async fn table<F>(peer: impl Into<Side<'_>>, db: &Connection, table: &Table, mut copied: F) -> Result<()>
where
    F: FnMut(u64, u64) + Send,
{
    let peer = peer.into();
    let into = query!("copy/in");
    db.batch_execute("begin; set local session_replication_role = replica")
        .await
        .map_err(|source| into.failed(source))?;
    let filled = fill(peer, db, table, &mut copied).await;
    let end = if filled.is_ok() { "commit" } else { "rollback" };
    let ended = db.batch_execute(end).await.map_err(|source| into.failed(source));
    filled.and(ended)
}

async fn fill<F>(peer: Side<'_>, db: &Connection, table: &Table, copied: &mut F) -> Result<()>
where
    F: FnMut(u64, u64) + Send,
{
    let (out, into, empty) = (query!("copy/out"), query!("copy/in"), query!("copy/empty"));
    let write = command_in(db, &table.relation, Target::Table, &table.columns).await?;
    empty.run_made(db, &[&table.relation]).await?;
    let rows = reading(peer, out, &[&table.relation, &table.columns]).await?;
    let sink = Box::pin(
        db.copy_in::<_, Bytes>(&write)
            .await
            .map_err(|source| into.failed(source))?,
    );
    pass(rows, sink, copied).await
}

/// Begins to read what the statement gives that `out` makes of these parameters.
async fn reading<'a>(side: Side<'a>, out: Query, params: Params<'_>) -> Result<Copying<'a>> {
    let made = out.ask_one(side, params, Work::Look).await?;
    side.copy_out(out, made.get(0)?).await
}

/// PostgreSQL sends one message a row and one more for the end. They are joined: for each piece that is passed on, the task
/// that writes has to wake.
pub(crate) async fn pass<S, F>(mut rows: Copying<'_>, mut sink: S, copied: &mut F) -> Result<()>
where
    S: futures_util::Sink<Bytes, Error = tokio_postgres::Error> + Unpin,
    F: FnMut(u64, u64),
{
    let into = query!("copy/in");
    let mut piece = BytesMut::with_capacity(PIECE);
    while let Some(message) = rows.next().await? {
        copied(u64::from(!is_trailer(&message)), message.len() as u64);
        if piece.len() + message.len() > PIECE {
            let full = std::mem::replace(&mut piece, BytesMut::with_capacity(PIECE));
            sink.feed(full.freeze()).await.map_err(|source| into.failed(source))?;
        }
        piece.extend_from_slice(&message);
    }
    sink.feed(piece.freeze()).await.map_err(|source| into.failed(source))?;
    sink.close().await.map_err(|source| into.failed(source))
}

/// Is it the last message, which holds no row? The first one has the header of the format before its row.
fn is_trailer(message: &[u8]) -> bool {
    message.strip_prefix(HEADER).unwrap_or(message) == TRAILER
}

/// Merges these tables of `peer` into the same tables behind `db`, calling `copied(rows, bytes)` as they go by.
///
/// What is newer here stays. Nothing is sent on. Needs a session of its own behind `db` and `peer`, and room on this disk
/// for a second copy; after a failure neither may be used again.
pub async fn merge<F>(peer: impl Into<Side<'_>>, db: &Connection, tables: &[Table], mut copied: F) -> Result<()>
where
    F: FnMut(u64, u64) + Send,
{
    let (peer, out) = (peer.into(), query!("copy/out"));
    peer.batch(out, "begin isolation level repeatable read read only")
        .await?;
    for table in tables {
        lay_aside(peer, db, table, &mut copied).await?;
    }
    peer.batch(out, "commit").await?;
    for _ in 1..MERGE_TRIES {
        match merge_once(db, tables).await {
            Err(error) if error.is_deadlock() => {}
            outcome => return outcome,
        }
    }
    merge_once(db, tables).await
}

async fn lay_aside<F>(peer: Side<'_>, db: &Connection, table: &Table, copied: &mut F) -> Result<()>
where
    F: FnMut(u64, u64) + Send,
{
    let (out, into, stage) = (query!("copy/out"), query!("copy/in"), query!("copy/stage"));
    let write = command_in(db, &table.relation, Target::Staged, &table.columns).await?;
    stage.one(db, &[&table.relation]).await?;
    let rows = reading(peer, out, &[&table.relation, &table.columns]).await?;
    let sink = Box::pin(
        db.copy_in::<_, Bytes>(&write)
            .await
            .map_err(|source| into.failed(source))?,
    );
    pass(rows, sink, copied).await
}

/// Merges what was laid aside, all of it or nothing.
async fn merge_once(db: &Connection, tables: &[Table]) -> Result<()> {
    let merge = query!("copy/merge_staged");
    let failed = |source| merge.failed(source);
    db.batch_execute("begin; set local session_replication_role = replica")
        .await
        .map_err(failed)?;
    let merged = async {
        for table in tables {
            merge.one(db, &[&table.relation]).await?;
        }
        Ok(())
    };
    let merged = merged.await;
    let end = if merged.is_ok() { "commit" } else { "rollback" };
    let ended = db.batch_execute(end).await.map_err(failed);
    merged.and(ended)
}
