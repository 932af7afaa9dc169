//! Lanes: how many a node sends in, and what is kept for the reader of each.

use std::collections::BTreeMap;

use keystead::NodeNumber;
use keystead::deadline::Work;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;
use crate::side::Side;

/// In how many lanes this node sends.
pub async fn sends_in(db: &Connection) -> Result<i32> {
    Ok(query!("lane/sends_in").one(db, &[]).await?.get(0))
}

/// In how many lanes every node is to send.
pub async fn wanted(db: &Connection) -> Result<i32> {
    Ok(query!("lane/wanted").one(db, &[]).await?.get(0))
}

/// In how many lanes each node sends by what has come of it: the most, while a heartbeat that says otherwise waits for more.
pub async fn told(db: &Connection) -> Result<BTreeMap<NodeNumber, i32>> {
    let rows = query!("lane/told").rows(db, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| (NodeNumber(row.get("number")), row.get("lanes")))
        .collect())
}

/// From now on this node sends in so many lanes. False when that cannot be yet: some reader has no slot for one of them, or
/// a writer is at work for long.
pub async fn send_in(db: &Connection, lanes: i32) -> Result<bool> {
    Ok(query!("lane/send_in").one(db, &[&lanes]).await?.get(0))
}

/// Asks a peer to keep what it will send in a lane. False when it sends in it already and keeps nothing.
pub async fn keep(peer: impl Into<Side<'_>>, lane: i32) -> Result<bool> {
    query!("lane/keep")
        .ask_one(peer.into(), &[&lane], Work::Slot)
        .await?
        .get(0)
}

/// Tells a peer that this node has all of a lane that the peer sends in no more. False while it does.
pub async fn end(peer: impl Into<Side<'_>>, lane: i32) -> Result<bool> {
    query!("lane/end")
        .ask_one(peer.into(), &[&lane], Work::Look)
        .await?
        .get(0)
}
