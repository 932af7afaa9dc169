//! Lanes: takes those that members send in, ends those they send in no more, and sends in as many as the cluster is set to.
//!
//! What is to be done is decided in `keystead::member::lanes`. A peer that is away is asked again in the next round; until
//! all have their slots, this node goes on in the lanes it has.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keystead::api::cluster::{LanesAnswer, LanesRequest};
use keystead::member::lanes::{Change, Lanes, PROPERTY, changes, changes_of, may_set};
use keystead::member::roster::{Member, Roster};
use keystead::replication::names;
use keystead::{Error, NodeNumber, Result};
use sql::Connection;

use super::conninfo;
use crate::acknowledge::must_be_member;
use crate::agent::{Agent, Standing};
use crate::peers::Target;

/// How many lanes the cluster is set to, and this node sends in.
pub(crate) async fn get(agent: &Agent) -> Result<LanesAnswer> {
    must_be_member(agent)?;
    let db = agent.db().await?;
    Ok(LanesAnswer {
        lanes: sql::lane::wanted(&db).await?,
        sends_in: sql::lane::sends_in(&db).await?,
    })
}

/// Sets it, for all nodes. Each follows when all others are ready for it.
pub(crate) async fn set(agent: &Agent, asked: &LanesRequest) -> Result<LanesAnswer> {
    must_be_member(agent)?;
    let lanes = may_set(asked.lanes)?;
    let db = agent.db().await?;
    sql::property::set(&db, PROPERTY, &lanes.to_string()).await?;
    tracing::info!(lanes, "the cluster's lanes were set");
    get(agent).await
}

/// Brings the lanes to and from this node to what they must be, as far as the other members answer. Each is asked in the
/// background: one that stands still holds up neither the others nor what else the reconciler does.
pub(super) async fn keep(agent: &Arc<Agent>, db: &Connection, roster: &Roster) -> Result<()> {
    if agent.standing() != Standing::Member {
        return Ok(());
    }
    let me = agent.identity()?.node_id;
    let Some(me) = roster.find(&me) else { return Ok(()) };
    let lanes = lanes(db).await?;
    let mut actual = sql::link::actual(db).await?;
    actual.is_full = agent.fullness.is_full();
    for change in changes(roster, me, &lanes, &actual) {
        let (Change::Take(peer, _) | Change::End(peer, _)) = change;
        settle_in_background(agent, me, peer);
    }
    send(db, lanes.wanted).await
}

/// The peers whose lanes are being settled.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    peers: Mutex<BTreeSet<NodeNumber>>,
}

impl Settling {
    fn peers(&self) -> MutexGuard<'_, BTreeSet<NodeNumber>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn settle_in_background(agent: &Arc<Agent>, me: &Member, peer: &Member) {
    if !agent.settling.peers().insert(peer.number) {
        return;
    }
    let (working, me, peer) = (Arc::clone(agent), me.clone(), peer.clone());
    let stop = agent.tasks.stopping();
    agent.tasks.spawn_work("lanes", async move {
        let settled = stop.run_until_cancelled(settle(&working, &me, &peer)).await;
        working.settling.peers().remove(&peer.number);
        match settled {
            // This node may send in more lanes now.
            Some(Ok(true)) => working.links_changed.notify_one(),
            Some(Err(error)) => not_now(&error),
            Some(Ok(false)) | None => {}
        }
    });
}

/// Whether anything was changed.
async fn settle(agent: &Agent, me: &Member, peer: &Member) -> Result<bool> {
    let db = agent.db().await?;
    let (lanes, actual) = (lanes(&db).await?, sql::link::actual(&db).await?);
    let mut changed = false;
    for change in changes_of(peer, me, &lanes, &actual) {
        changed |= act(agent, &db, me, change).await?;
    }
    Ok(changed)
}

async fn lanes(db: &Connection) -> Result<Lanes> {
    Ok(Lanes {
        wanted: sql::lane::wanted(db).await?,
        told: sql::lane::told(db).await?,
    })
}

/// The peer may be away: the next round tries again.
fn not_now(error: &Error) {
    tracing::debug!(error = error.chain(), "a lane could not be settled yet");
}

async fn send(db: &Connection, wanted: i32) -> Result<()> {
    let before = sql::lane::sends_in(db).await?;
    if before != wanted && sql::lane::send_in(db, wanted).await? {
        tracing::info!(before, lanes = wanted, "this node sends in another number of lanes");
    }
    Ok(())
}

/// Takes all lanes of `peer`: for a link that is being made. What fails is done by a later round.
pub(crate) async fn take_from(agent: &Agent, db: &Connection, me: &Member, peer: &Member) -> Result<()> {
    let (lanes, actual) = (lanes(db).await?, sql::link::actual(db).await?);
    for change in changes_of(peer, me, &lanes, &actual) {
        if let Change::Take(..) = change {
            act(agent, db, me, change)
                .await
                .map_or_else(|error| not_now(&error), drop);
        }
    }
    Ok(())
}

/// Whether anything was changed.
async fn act(agent: &Agent, db: &Connection, me: &Member, change: Change<'_>) -> Result<bool> {
    match change {
        Change::Take(peer, lane) => take(agent, db, me, (peer, lane)).await,
        Change::End(peer, lane) => end(agent, db, me, (peer, lane)).await,
    }
}

/// A lane whose slot was lost is left to the resync, which is told of it by the same peer.
async fn take(agent: &Agent, db: &Connection, me: &Member, (peer, lane): (&Member, i32)) -> Result<bool> {
    let source = agent.peers.connect(&me.id, &Target::of(peer)).await?;
    if !sql::lane::keep(&source, lane).await? {
        return Ok(false);
    }
    let _subscribing = agent.subscribing.lock().await;
    let name = names::lane(peer.number, me.number, lane);
    let actual = sql::link::actual(db).await?;
    if actual.resyncing.contains(&peer.number) {
        return Ok(false);
    }
    let is_there = actual.lanes.contains_key(&name);
    if !is_there {
        subscribe_to(agent, db, me, (peer, lane)).await?;
    }
    sql::link::enable(db, &name).await?;
    Ok(!is_there)
}

async fn subscribe_to(agent: &Agent, db: &Connection, me: &Member, (peer, lane): (&Member, i32)) -> Result<()> {
    let name = names::lane(peer.number, me.number, lane);
    tracing::info!(name, "taking another lane of a peer");
    let conninfo = conninfo::for_new(agent, db, &me.id, peer).await?;
    Ok(sql::link::subscribe_to(db, &name, &conninfo, &names::lane_publication(lane)).await?)
}

/// The slot first: while the subscription is there, this is done again. The peer is asked without the lock, which others
/// wait for.
async fn end(agent: &Agent, db: &Connection, me: &Member, (peer, lane): (&Member, i32)) -> Result<bool> {
    let source = agent.peers.connect(&me.id, &Target::of(peer)).await?;
    let name = names::lane(peer.number, me.number, lane);
    if !while_there(agent, db, &name, sql::link::pause(db, &name)).await? {
        return Ok(false);
    }
    if sql::lane::end(&source, lane).await? {
        tracing::info!(name, "a lane of a peer has ended");
        while_there(agent, db, &name, sql::link::drop_subscription(db, &name)).await
    } else {
        while_there(agent, db, &name, sql::link::enable(db, &name)).await?;
        Ok(false)
    }
}

/// Does this to a subscription that is there, alone. Whether it was.
async fn while_there(
    agent: &Agent,
    db: &Connection,
    name: &str,
    deed: impl Future<Output = sql::Result<()>>,
) -> Result<bool> {
    let _subscribing = agent.subscribing.lock().await;
    if !sql::link::actual(db).await?.lanes.contains_key(name) {
        return Ok(false);
    }
    deed.await?;
    Ok(true)
}

/// Drops the subscriptions to the other lanes of a link, without asking the other side.
pub(crate) async fn drop_from(db: &Connection, me: NodeNumber, peer: NodeNumber) -> Result<()> {
    let lanes = names::lanes(peer, me);
    for name in sql::link::actual(db).await?.lanes.keys() {
        if name.starts_with(&lanes) {
            sql::link::drop_subscription(db, name).await?;
        }
    }
    Ok(())
}
