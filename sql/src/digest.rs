//! Digests of this node's or a peer's data, by bucket. What they mean is decided in `keystead::join::digest`.

use keystead::clock::Micros;
use keystead::join::digest::Digests;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// How many buckets a table is divided into: few enough to compare at a glance, enough that a difference names few rows.
pub const BUCKETS: i32 = 256;

/// The digests of everything behind `db` that is to be equal on all nodes.
pub async fn all(db: &Connection) -> Result<Digests> {
    until(db, Micros(i64::MAX)).await
}

/// The same over the rows that were written up to `time`: two nodes that have everything up to then may be compared
/// while writes go on.
pub async fn until(db: &Connection, time: Micros) -> Result<Digests> {
    let rows = query!("digest/all").rows(db, &[&BUCKETS, &time.0]).await?;
    let read = |row: &tokio_postgres::Row| {
        (
            (row.get("relation"), row.get("bucket")),
            (row.get("row_count"), row.get("total")),
        )
    };
    Ok(rows.iter().map(read).collect())
}
