//! What PostgreSQL says of replication to and from the peers.

use std::collections::{BTreeMap, BTreeSet};

use keystead::clock::Micros;
use keystead::replication::names::{LANE_PREFIX, LINK_PREFIX};
use keystead::summary::LinkFacts;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// The outgoing links by the name of their slot. What one node cannot know of itself is left at its default.
pub async fn links(db: &Connection) -> Result<BTreeMap<String, LinkFacts>> {
    let rows = query!("stat/links").rows(db, &[&LINK_PREFIX]).await?;
    let read = |row: &tokio_postgres::Row| {
        let position = |name| row.get::<_, Option<i64>>(name).unwrap_or_default().unsigned_abs();
        let lag = |name| Micros(row.get::<_, Option<i64>>(name).unwrap_or_default());
        let facts = LinkFacts {
            current: position("current"),
            sent: position("sent"),
            write: position("write"),
            flush: position("flush"),
            replay: position("replay"),
            write_lag: lag("write_lag"),
            flush_lag: lag("flush_lag"),
            replay_lag: lag("replay_lag"),
            state: row.get("state"),
            connected_since: row.get::<_, Option<i64>>("connected_since").map(Micros),
            ..LinkFacts::default()
        };
        (row.get("slot_name"), facts)
    };
    Ok(rows.iter().map(read).collect())
}

/// A slot this node keeps for a peer. Bytes of WAL.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// What the peer has not fetched was given up.
    pub lost: bool,
    /// Is the peer reading from it?
    pub active: bool,
    /// Where this node's own WAL ends.
    pub current: u64,
    /// Kept for the peer.
    pub kept: i64,
    /// May still be written before it is given up; `None` when there is no limit, or when it was given up.
    pub left: Option<i64>,
}

/// The slots this node keeps for peers, by the name of the link.
pub async fn slots(db: &Connection) -> Result<BTreeMap<String, Slot>> {
    let rows = query!("stat/slots").rows(db, &[&LINK_PREFIX, &LANE_PREFIX]).await?;
    let read = |row: &tokio_postgres::Row| {
        let slot = Slot {
            lost: row.get::<_, Option<bool>>("lost").unwrap_or_default(),
            active: row.get("active"),
            current: row.get::<_, i64>("current").unsigned_abs(),
            kept: row.get::<_, Option<i64>>("kept").unwrap_or_default(),
            left: row.get("safe_wal_size"),
        };
        (row.get("link"), slot)
    };
    Ok(rows.iter().map(read).collect())
}

/// How often applying what a subscription brings has failed.
#[derive(Debug, Clone, Copy)]
pub struct ApplyErrors {
    /// What PostgreSQL's log calls the subscription's origin by.
    pub subscription: u32,
    /// Errors since the statistics were begun, those of broken connections too.
    pub count: i64,
}

/// The same for the links from all peers, by the name of the link.
pub async fn apply_errors(db: &Connection) -> Result<BTreeMap<String, ApplyErrors>> {
    let rows = query!("stat/apply_errors")
        .rows(db, &[&LINK_PREFIX, &LANE_PREFIX])
        .await?;
    let read = |row: &tokio_postgres::Row| {
        let errors = ApplyErrors {
            subscription: row.get("subid"),
            count: row.get("apply_error_count"),
        };
        (row.get("link"), errors)
    };
    Ok(rows.iter().map(read).collect())
}

/// Pages that were read and had another checksum than they were written with.
pub async fn damaged_pages(db: &Connection) -> Result<i64> {
    Ok(query!("stat/damaged_pages").one(db, &[]).await?.get(0))
}

/// The subscriptions whose apply worker is at work.
pub async fn receiving(db: &Connection) -> Result<BTreeSet<String>> {
    let rows = query!("stat/receiving").rows(db, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Bytes in all outboxes.
pub async fn outbox_bytes(db: &Connection) -> Result<i64> {
    Ok(query!("stat/outbox_bytes").one(db, &[]).await?.get(0))
}

/// Bytes of everything a joining node would copy.
pub async fn data_bytes(db: &Connection) -> Result<u64> {
    Ok(query!("stat/data_bytes")
        .one(db, &[])
        .await?
        .get::<_, i64>(0)
        .unsigned_abs())
}
