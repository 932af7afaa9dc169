//! Digests of this node's or a peer's data, by bucket. What they mean is decided in `keystead::join::digest`.

use keystead::join::digest::Digests;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// How many buckets a table is divided into: few enough to compare at a glance, enough that a difference names few rows.
pub const BUCKETS: i32 = 256;

/// The digests of everything behind `db` that is to be equal on all nodes.
pub async fn all(db: &Connection) -> Result<Digests> {
    let rows = query!("digest/all").rows(db, &[&BUCKETS]).await?;
    let read = |row: &tokio_postgres::Row| {
        (
            (row.get("relation"), row.get("bucket")),
            (row.get("row_count"), row.get("total")),
        )
    };
    Ok(rows.iter().map(read).collect())
}
