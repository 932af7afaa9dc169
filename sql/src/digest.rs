//! Digests of this node's or a peer's data, by bucket. What they mean is decided in `keystead::replication::digest`.

use keystead::deadline::Work;
use keystead::replication::digest::{Bounds, Digests};

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;
use crate::side::{Answer, Side};

/// The digests of everything behind `db` that is to be equal on all nodes.
pub async fn all(db: &Connection) -> Result<Digests> {
    within(db, Bounds::ALL).await
}

/// The same over some of the rows: two nodes that have everything up to a time may be compared while writes go on.
pub async fn within(db: impl Into<Side<'_>>, bounds: Bounds) -> Result<Digests> {
    let rows = query!("digest/all")
        .ask(
            db.into(),
            &[&bounds.buckets, &bounds.until.0, &bounds.purged_up_to.0],
            Work::Reading,
        )
        .await?;
    let read = |row: &Answer| {
        Ok((
            (row.get("relation")?, row.get("bucket")?),
            (row.get("row_count")?, row.get("total")?),
        ))
    };
    rows.iter().map(read).collect()
}
