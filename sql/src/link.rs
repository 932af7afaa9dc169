//! Links between two nodes: roles, slots and subscriptions. Every function may be repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keystead::deadline::{Terms, Work};
use keystead::member::links::Actual;
use keystead::replication::names::{LANE_PREFIX, LINK_PREFIX, PUBLICATION, ROLE_PREFIX};
use tokio_postgres::Config;
use tokio_postgres::error::SqlState;

use crate::error::Result;
use crate::pool::{Connection, connect};
use crate::query::query;
use crate::resync;
use crate::side::Side;

/// How often to look whether the reader of a slot has ended. It comes back after half a second.
const BETWEEN_TRIES: Duration = Duration::from_millis(2);

/// Ten seconds and more: a sender looks for its end when it has sent what it is sending.
const DROP_TRIES: usize = 5000;

/// What exists on this node now. How far each peer is behind, and whether there is room, is not known here.
pub async fn actual(db: &Connection) -> Result<Actual> {
    Ok(Actual {
        resyncing: resync::needs(db).await?.into_keys().collect(),
        ..made(db).await?
    })
}

/// What was made for links with peers. Reads PostgreSQL's own tables alone: a wipe that was cut off has left a database
/// that has only some of ours, or none.
pub async fn made(db: &Connection) -> Result<Actual> {
    let roles = query!("link/roles").rows(db, &[&ROLE_PREFIX]).await?;
    let subscriptions = query!("link/subscriptions").rows(db, &[&LINK_PREFIX]).await?;
    let slots = query!("link/slots").rows(db, &[&LINK_PREFIX]).await?;
    let lanes = query!("link/subscriptions").rows(db, &[&LANE_PREFIX]).await?;
    let lane_slots = query!("link/slots").rows(db, &[&LANE_PREFIX]).await?;
    Ok(Actual {
        roles: roles
            .iter()
            .map(|row| (row.get(0), row.get(1)))
            .collect::<BTreeMap<_, _>>(),
        lazy: subscriptions
            .iter()
            .filter(|row| row.get("is_lazy"))
            .map(|row| row.get(0))
            .collect::<BTreeSet<_>>(),
        subscriptions: subscriptions
            .iter()
            .map(|row| (row.get(0), row.get(1)))
            .collect::<BTreeMap<_, _>>(),
        behind: BTreeSet::new(),
        outdated: BTreeSet::new(),
        slots: slots.iter().map(|row| row.get(0)).collect(),
        lanes: lanes
            .iter()
            .map(|row| (row.get(0), row.get(1)))
            .collect::<BTreeMap<_, _>>(),
        lane_slots: lane_slots.iter().map(|row| row.get(0)).collect(),
        resyncing: BTreeSet::new(),
        is_full: false,
    })
}

/// Makes the role under which a node logs in: no password, no right but to leave a call.
pub async fn make_role(db: &Connection, role: &str) -> Result<()> {
    query!("link/make_role").run_made(db, &[&role]).await
}

/// Gives a role the rights of a peer: to take changes, and to read what it will have anyway.
pub async fn admit(db: &Connection, role: &str) -> Result<()> {
    query!("link/admit").run_made(db, &[&role]).await
}

/// Drops the role of a peer, and what that has asked.
pub async fn drop_role(db: &Connection, role: &str) -> Result<()> {
    query!("link/drop_role").run_made(db, &[&role]).await
}

/// Ends every session of a role. Needed after its access lines are gone: a reload leaves sessions open.
pub async fn end_sessions(db: &Connection, role: &str) -> Result<()> {
    query!("link/end_sessions").one(db, &[&role]).await?;
    Ok(())
}

/// Subscribes to a peer from the slot that it keeps under the same name. Not yet enabled.
pub async fn subscribe(db: &Connection, name: &str, conninfo: &str) -> Result<()> {
    subscribe_to(db, name, conninfo, PUBLICATION).await
}

/// The same for what one publication of the peer carries. PostgreSQL asks the peer what it publishes, and is given as long
/// for that as a question to a peer has.
pub async fn subscribe_to(db: &Connection, name: &str, conninfo: &str, publication: &str) -> Result<()> {
    query!("link/subscribe")
        .run_made(db, &[&name, &conninfo, &publication, &patience()])
        .await
}

/// How each subscription to a peer connects.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn conninfos(db: &Connection) -> Result<BTreeMap<String, String>> {
    let rows = query!("link/conninfos").rows(db, &[&LINK_PREFIX, &LANE_PREFIX]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Lets a subscription connect so from now on. Its worker begins again.
///
/// # Errors
/// When there is no such subscription, or PostgreSQL does not answer.
pub async fn set_conninfo(db: &Connection, name: &str, conninfo: &str) -> Result<()> {
    query!("link/set_conninfo").run_made(db, &[&name, &conninfo]).await
}

/// Lets a subscription confirm what it took at once: its commits go to disk with each transaction, not a moment later.
pub async fn confirm_at_once(db: &Connection, name: &str) -> Result<()> {
    query!("link/set_commit").run_made(db, &[&name, &"local"]).await
}

/// Lets a subscription confirm what it took when it happens to be on disk, a moment later: much is taken faster so.
pub async fn confirm_lazily(db: &Connection, name: &str) -> Result<()> {
    query!("link/set_commit").run_made(db, &[&name, &"off"]).await
}

/// Lets a subscription take changes.
pub async fn enable(db: &Connection, name: &str) -> Result<()> {
    query!("link/enable").run_made(db, &[&name]).await
}

/// Ends a subscription's work without asking the other side, which may be dead; it is still there. May end a moment later.
pub async fn detach(db: &Connection, name: &str) -> Result<()> {
    query!("link/detach").run_made(db, &[&name]).await
}

/// Lets a subscription take no changes for now.
pub async fn pause(db: &Connection, name: &str) -> Result<()> {
    query!("link/pause").run_made(db, &[&name]).await
}

/// Enabled subscriptions that no worker works for, on a server that may wait to start one until its clock is where it was.
pub async fn without_worker(db: &Connection) -> Result<BTreeSet<String>> {
    let rows = query!("link/without_worker")
        .rows(db, &[&LINK_PREFIX, &LANE_PREFIX])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Subscriptions that do not know every table which is published here: what is published by a peer of the same schema.
pub async fn ignorant(db: &Connection) -> Result<Vec<String>> {
    let rows = query!("link/ignorant")
        .rows(db, &[&LINK_PREFIX, &PUBLICATION, &LANE_PREFIX])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Lets a subscription ask its peer which tables it publishes: rows of others are passed over in silence. In a session of
/// its own, which gives PostgreSQL as long as a question to a peer has: in a transaction it does not do this.
pub async fn refresh(config: &Config, name: &str) -> Result<()> {
    let mut config = config.clone();
    let db = connect(config.options(format!("-c statement_timeout={}", patience()))).await?;
    query!("link/refresh").run_made(&db, &[&name]).await
}

/// How long this node's PostgreSQL may wait for a peer's, in milliseconds.
fn patience() -> String {
    Terms::PRODUCT.look.as_millis().to_string()
}

/// Drops a subscription without asking the other side, which may be dead.
pub async fn drop_subscription(db: &Connection, name: &str) -> Result<()> {
    detach(db, name).await?;
    query!("link/drop_subscription").run_made(db, &[&name]).await
}

/// Keeps this node's changes under a slot of this name, if it does not already.
pub async fn make_slot(db: &Connection, name: &str) -> Result<()> {
    query!("link/make_slot").rows(db, &[&name]).await?;
    Ok(())
}

/// Drops a slot, ending the session that reads it; again when its reader was faster to come back.
pub async fn drop_slot(db: &Connection, name: &str) -> Result<()> {
    for _ in 1..DROP_TRIES {
        match try_to_drop_slot(db, name).await {
            Ok(true) => return Ok(()),
            Ok(false) => tokio::time::sleep(BETWEEN_TRIES).await,
            Err(error) if error.code() == Some(&SqlState::OBJECT_IN_USE) => {}
            Err(error) if error.code() == Some(&SqlState::UNDEFINED_OBJECT) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    query!("link/drop_slot").rows(db, &[&name]).await.map(drop)
}

/// Ends its reader, or drops it when there is none; whether it is gone.
async fn try_to_drop_slot(db: &Connection, name: &str) -> Result<bool> {
    let slot = query!("link/end_reader").rows(db, &[&name]).await?;
    match slot.first().map(|slot| slot.get("is_read")) {
        None => Ok(true),
        Some(true) => Ok(false),
        Some(false) => query!("link/drop_slot").rows(db, &[&name]).await.map(|_| true),
    }
}

/// Does a peer give this node the rights of a peer, or is it a guest to it so far?
pub async fn is_admitted(peer: impl Into<Side<'_>>) -> Result<bool> {
    query!("link/is_admitted")
        .ask_one(peer.into(), &[], Work::Look)
        .await?
        .get(0)
}

/// Asks a peer to keep its changes for this node from now on; the position in its WAL from which it does.
pub async fn keep_changes(peer: impl Into<Side<'_>>) -> Result<i64> {
    query!("link/keep_changes")
        .ask_one(peer.into(), &[], Work::Slot)
        .await?
        .get(0)
}

/// Bytes of a peer's WAL that this node has not confirmed.
pub async fn my_lag(peer: impl Into<Side<'_>>) -> Result<Option<i64>> {
    query!("link/my_lag")
        .ask_one(peer.into(), &[], Work::Look)
        .await?
        .get(0)
}
