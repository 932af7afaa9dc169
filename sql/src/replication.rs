//! The kit's own switches.

use keystead::NodeNumber;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// From now on rows written here carry this number as their origin.
pub async fn become_node(db: &Connection, number: NodeNumber) -> Result<()> {
    query!("replication/become_node").one(db, &[&number.0]).await?;
    Ok(())
}

/// Empties outboxes larger than so many bytes: their rows are needed in WAL only. The bytes that were freed.
pub async fn empty_outboxes(db: &Connection, larger_than: i64) -> Result<i64> {
    Ok(query!("replication/empty_outboxes")
        .one(db, &[&larger_than])
        .await?
        .get(0))
}

/// Forgets the cluster this node was in: its members, heartbeats, views and CA. Accounts and keys stay.
pub async fn forget_cluster(db: &Connection) -> Result<()> {
    let forget = query!("replication/forget_cluster");
    db.batch_execute(forget.text)
        .await
        .map_err(|source| forget.failed(source))
}
