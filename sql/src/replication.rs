//! The kit's own switches.

use std::collections::{BTreeMap, BTreeSet};

use keystead::NodeNumber;
use keystead::clock::Micros;
use keystead::deadline::Work;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;
use crate::side::Side;

/// From now on rows written here carry this number as their origin.
pub async fn become_node(db: &Connection, number: NodeNumber) -> Result<()> {
    query!("replication/become_node").one(db, &[&number.0]).await?;
    Ok(())
}

/// Takes out tombstones up to a time that is before the horizon, at most so many of each table; how many it took. Rows up
/// to that time that are not here do not come back from now on.
pub async fn purge(db: &Connection, up_to: Micros, at_most: i32) -> Result<i64> {
    Ok(query!("replication/purge").one(db, &[&up_to.0, &at_most]).await?.get(0))
}

/// After the first copy from a peer: what was purged there up to `purged_up_to` is purged here, and sequences go on above
/// what came. Whether the peer's word can be true is decided in `keystead::replication::floor`.
pub async fn continue_from(db: &Connection, purged_up_to: Micros) -> Result<()> {
    query!("replication/continue_from").one(db, &[&purged_up_to.0]).await?;
    Ok(())
}

/// Up to which time tombstones may be gone on this node or on a peer.
pub async fn purged_up_to(db: impl Into<Side<'_>>) -> Result<Micros> {
    let asked = query!("replication/purged_up_to").ask_one(db.into(), &[], Work::Look);
    Ok(Micros(asked.await?.get(0)?))
}

/// How many rows this node wrote after each of these times. Reads whole tables, unless there are no times.
pub async fn written_after(db: &Connection, times: BTreeSet<Micros>) -> Result<BTreeMap<Micros, i64>> {
    if times.is_empty() {
        return Ok(BTreeMap::new());
    }
    let times: Vec<i64> = times.into_iter().map(|time| time.0).collect();
    let rows = query!("replication/written_after").rows(db, &[&times]).await?;
    Ok(rows
        .iter()
        .map(|row| (Micros(row.get("at")), row.get("row_count")))
        .collect())
}

/// Empties outboxes larger than so many bytes: their rows are needed in WAL only. The bytes that were freed.
pub async fn empty_outboxes(db: &Connection, larger_than: i64) -> Result<i64> {
    Ok(query!("replication/empty_outboxes")
        .one(db, &[&larger_than])
        .await?
        .get(0))
}

/// Forgets the cluster this node was in: its members, heartbeats, views, properties and CA. Accounts and keys stay.
pub async fn forget_cluster(db: &Connection) -> Result<()> {
    let forget = query!("replication/forget_cluster");
    db.batch_execute(forget.text)
        .await
        .map_err(|source| forget.failed(source))
}
