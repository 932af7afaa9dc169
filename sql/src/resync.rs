//! Noticing that a link has lost something, and remembering it until it is mended; runs and roll-backs of this node.

use keystead::NodeNumber;
use keystead::clock::Micros;
use keystead::deadline::Work;
use keystead::replication::past::{Heard, Past};
use keystead::replication::resync::{Kept, Needs, Reason};
use tokio_postgres::Row;

use crate::error::{Error, Result};
use crate::pool::Connection;
use crate::query::query;
use crate::side::{Answer, Side};

/// What this node remembers of its own beats.
pub async fn past(db: &Connection) -> Result<Past> {
    read_past(&query!("resync/past").ask(db.into(), &[], Work::Look).await?)
}

/// What a peer remembers of its own beats. Nothing while it is fenced.
pub async fn peers_past(peer: impl Into<Side<'_>>) -> Result<Past> {
    read_past(&query!("resync/peers_past").ask(peer.into(), &[], Work::Look).await?)
}

/// The newest heartbeat of a node that has come here in order.
pub async fn heard(db: &Connection, number: NodeNumber) -> Result<Option<Heard>> {
    let row = query!("resync/heard")
        .ask_opt(db.into(), &[&number.0], Work::Look)
        .await?;
    row.map(|row| read_heard(&row)).transpose()
}

/// The newest heartbeat of this node that a peer has.
pub async fn heard_of_me(peer: impl Into<Side<'_>>) -> Result<Option<Heard>> {
    let row = query!("resync/heard_of_me")
        .ask_opt(peer.into(), &[], Work::Look)
        .await?;
    row.map(|row| read_heard(&row)).transpose()
}

/// How a peer finds the slot it keeps for this node; `None` when this node is none of its cluster.
pub async fn slot_kept(peer: impl Into<Side<'_>>) -> Result<Option<Kept>> {
    let asked = query!("resync/slot_kept").ask_one(peer.into(), &[], Work::Look);
    let name: Option<String> = asked.await?.get(0)?;
    let read = |name: String| Kept::from_name(&name).ok_or_else(|| Error::Unexpected(format!("a slot that is {name}")));
    name.map(read).transpose()
}

/// Asks a peer to keep its changes for this node from now on, under a new slot in place of the one there may be.
pub async fn keep_changes_anew(peer: impl Into<Side<'_>>) -> Result<()> {
    let asked = query!("resync/keep_changes_anew").ask_one(peer.into(), &[], Work::Slot);
    asked.await.map(drop)
}

/// The newest heartbeat a node has written of itself, whole; `None` before its first.
pub async fn newest(peer: impl Into<Side<'_>>, number: NodeNumber) -> Result<Option<serde_json::Value>> {
    let row = query!("resync/newest")
        .ask_opt(peer.into(), &[&number.0], Work::Look)
        .await?;
    row.map(|row| row.get(0)).transpose()
}

/// Looks whether a slot of this node is still where its reader left it. To be called again and again.
pub async fn watch_slots(db: &Connection) -> Result<()> {
    query!("resync/watch_slots").one(db, &[]).await?;
    Ok(())
}

/// The agent has started: its next beat begins a run.
pub async fn end_run(db: &Connection) -> Result<()> {
    query!("resync/end_run").one(db, &[]).await?;
    Ok(())
}

/// The peers whose rows must be read anew.
pub async fn needs(db: &Connection) -> Result<Needs> {
    let rows = query!("resync/needs").rows(db, &[]).await?;
    let read = |row: &Row| {
        let name: &str = row.get("reason");
        let reason = Reason::from_name(name).ok_or_else(|| Error::Unexpected(format!("the reason {name}")))?;
        Ok((NodeNumber(row.get("number")), reason))
    };
    rows.iter().map(read).collect()
}

/// Remembers that a peer's rows must be read anew. False when that was known.
pub async fn need(db: &Connection, number: NodeNumber, reason: Reason) -> Result<bool> {
    let new = query!("resync/need").run(db, &[&number.0, &reason.as_str()]).await?;
    Ok(new > 0)
}

/// A peer's rows are here: forgets the need, and hears `newest`, its heartbeat from before they were read.
pub async fn done(db: &Connection, number: NodeNumber, newest: Option<&serde_json::Value>) -> Result<()> {
    query!("resync/done").one(db, &[&number.0, &newest]).await?;
    Ok(())
}

/// Lets one session at a time read a peer's rows anew. Held until the connection ends.
pub async fn lock(db: &Connection, number: NodeNumber) -> Result<bool> {
    Ok(query!("resync/lock").one(db, &[&i64::from(number.0)]).await?.get(0))
}

/// Remembers that this node was rolled back and must catch up with these peers.
pub async fn fence(db: &Connection, peers: &[NodeNumber]) -> Result<()> {
    let numbers: Vec<i32> = peers.iter().map(|peer| peer.0).collect();
    query!("resync/fence").run(db, &[&numbers]).await?;
    Ok(())
}

/// Does this node know that it was rolled back and has not caught up?
pub async fn is_fenced(db: &Connection) -> Result<bool> {
    Ok(too_old(db).await?.is_some())
}

/// Was this node, which was rolled back, rolled back too far to catch up? `None` when it was not or has.
pub async fn too_old(db: &Connection) -> Result<Option<bool>> {
    let row = query!("resync/fenced").opt(db, &[]).await?;
    Ok(row.map(|row| row.get(0)))
}

/// Has a peer purged what this node, which was rolled back, has never seen? Once it is so, it stays so.
pub async fn is_too_old(db: &Connection, purged_up_to: Micros) -> Result<bool> {
    let row = query!("resync/is_too_old").opt(db, &[&purged_up_to.0]).await?;
    Ok(row.is_some_and(|row| row.get(0)))
}

/// Takes over what a peer has heard of this node: it is remembered, and every version from now on is above it.
pub async fn remember(db: &Connection, heard: &Heard) -> Result<()> {
    query!("resync/remember")
        .rows(db, &[&heard.run, &heard.beat, &heard.version])
        .await?;
    Ok(())
}

/// Begins a new run, and numbers above all that is here, after a roll-back.
pub async fn begin_anew(db: &Connection) -> Result<()> {
    query!("resync/begin_anew").one(db, &[]).await?;
    Ok(())
}

/// This node has caught up.
pub async fn unfence(db: &Connection) -> Result<()> {
    query!("resync/unfence").run(db, &[]).await?;
    Ok(())
}

fn read_past(rows: &[Answer]) -> Result<Past> {
    let read = |row: &Answer| Ok((row.get("run")?, row.get("ended")?));
    Ok(Past(rows.iter().map(read).collect::<Result<_>>()?))
}

fn read_heard(row: &Answer) -> Result<Heard> {
    Ok(Heard {
        run: row.get("run")?,
        beat: row.get("beat")?,
        version: row.get("version")?,
    })
}
