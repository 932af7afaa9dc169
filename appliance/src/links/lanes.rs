//! Lanes: takes those that members send in, ends those they send in no more, and sends in as many as the cluster is set to.
//!
//! What is to be done is decided in `keystead::member::lanes`. A peer that is away is asked again in the next round; until
//! all have their slots, this node goes on in the lanes it has.

use keystead::api::cluster::{LanesAnswer, LanesRequest};
use keystead::member::lanes::{Change, Lanes, PROPERTY, changes, changes_of, may_set};
use keystead::member::roster::{Member, Roster};
use keystead::replication::names;
use keystead::{Error, NodeNumber, Result};
use sql::Connection;

use super::conninfo;
use crate::acknowledge::must_be_member;
use crate::agent::{Agent, Standing};
use crate::peers::{Target, connect};

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

/// Brings the lanes to and from this node to what they must be, as far as the other members answer.
pub(super) async fn keep(agent: &Agent, db: &Connection, roster: &Roster) -> Result<()> {
    if agent.standing() != Standing::Member {
        return Ok(());
    }
    let me = agent.identity()?.node_id;
    let Some(me) = roster.find(&me) else { return Ok(()) };
    let lanes = lanes(db).await?;
    let mut actual = sql::link::actual(db).await?;
    actual.is_full = agent.fullness.is_full();
    for change in changes(roster, me, &lanes, &actual) {
        act(agent, db, me, change).await.unwrap_or_else(|error| not_now(&error));
    }
    send(db, lanes.wanted).await
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
            act(agent, db, me, change).await.unwrap_or_else(|error| not_now(&error));
        }
    }
    Ok(())
}

async fn act(agent: &Agent, db: &Connection, me: &Member, change: Change<'_>) -> Result<()> {
    match change {
        Change::Take(peer, lane) => take(agent, db, me, (peer, lane)).await,
        Change::End(peer, lane) => end(agent, db, me, (peer, lane)).await,
    }
}

/// A lane whose slot was lost is left to the resync, which is told of it by the same peer.
async fn take(agent: &Agent, db: &Connection, me: &Member, (peer, lane): (&Member, i32)) -> Result<()> {
    let source = connect::connect(&agent.peers, &me.id, &Target::of(peer)).await?;
    if !sql::lane::keep(&source, lane).await? {
        return Ok(());
    }
    let _subscribing = agent.subscribing.lock().await;
    let name = names::lane(peer.number, me.number, lane);
    let actual = sql::link::actual(db).await?;
    if actual.resyncing.contains(&peer.number) {
        return Ok(());
    }
    if !actual.lanes.contains_key(&name) {
        subscribe_to(agent, db, me, (peer, lane)).await?;
    }
    Ok(sql::link::enable(db, &name).await?)
}

async fn subscribe_to(agent: &Agent, db: &Connection, me: &Member, (peer, lane): (&Member, i32)) -> Result<()> {
    let name = names::lane(peer.number, me.number, lane);
    tracing::info!(name, "taking another lane of a peer");
    let conninfo = conninfo::for_new(agent, db, &me.id, peer).await?;
    Ok(sql::link::subscribe_to(db, &name, &conninfo, &names::lane_publication(lane)).await?)
}

/// The slot first: while the subscription is there, this is done again.
async fn end(agent: &Agent, db: &Connection, me: &Member, (peer, lane): (&Member, i32)) -> Result<()> {
    let source = connect::connect(&agent.peers, &me.id, &Target::of(peer)).await?;
    let name = names::lane(peer.number, me.number, lane);
    let _subscribing = agent.subscribing.lock().await;
    sql::link::pause(db, &name).await?;
    if !sql::lane::end(&source, lane).await? {
        return Ok(sql::link::enable(db, &name).await?);
    }
    tracing::info!(name, "a lane of a peer has ended");
    Ok(sql::link::drop_subscription(db, &name).await?)
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
