//! A node that was rolled back fences itself: it serves nobody until it has caught up with its peers.
//!
//! Its links go at once, for its peers would not be sent what it writes below the positions they have already confirmed;
//! they see their slots missing and read its rows anew once it serves again. While a peer goes on hearing of the life that
//! this node does not remember, another machine runs as this node, and it waits. Whether it was rolled back is decided in
//! `keystead::replication::past`.

use std::collections::BTreeSet;
use std::time::Duration;

use keystead::member::roster::{Member, NodeState};
use keystead::replication::resync::{may_serve, witnesses};
use keystead::{Error, NodeNumber, Result};
use sql::{Connection, Peer, resync};

use super::announce;
use super::look::{Peers, Sightings};
use crate::agent::{Agent, Standing};
use crate::heartbeat;

/// How long a start waits for the members' word on this node. Those that answer later are listened to later.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where a member stands when its agent starts: its peers are asked before it takes anything.
pub(crate) async fn standing_at_start(agent: &Agent) -> Result<Standing> {
    let db = agent.db().await?;
    // From here on beats belong to a new life, whatever became of the one before.
    resync::end_run(&db).await?;
    let me = agent.identity()?.node_id;
    let members: Vec<Member> = sql::node::all(&db).await?.ready_peers(&me).cloned().collect();
    if resync::is_fenced(&db).await? {
        cut_links(&db).await?;
        return Ok(Standing::Fenced);
    }
    let seen = Peers::default().ask(agent, &members, PATIENCE).await;
    if forgotten(&db, &seen).await?.is_empty() {
        return Ok(Standing::Member);
    }
    fence(agent, &db, &members).await?;
    Ok(Standing::Fenced)
}

/// Fences this node when a member has heard of a life that it does not remember; lets it serve again when it has caught up.
pub(super) async fn check(agent: &Agent, members: &[Member], seen: &Sightings) -> Result<()> {
    let db = agent.db().await?;
    let needs = resync::needs(&db).await?;
    let witnesses = witnesses(&forgotten(&db, seen).await?, &needs);
    if !witnesses.is_empty() {
        if resync::is_fenced(&db).await? {
            // A member that it had itself forgotten.
            return Ok(resync::fence(&db, &witnesses).await?);
        }
        agent.stand(Standing::Fenced);
        return fence(agent, &db, members).await;
    }
    let ready = members.iter().filter(|member| member.state == NodeState::Ready);
    let numbers: BTreeSet<NodeNumber> = ready.map(|member| member.number).collect();
    if agent.standing() == Standing::Fenced && may_serve(&numbers, &seen.keys().copied().collect(), &needs) {
        serve_again(agent, &db).await?;
    }
    Ok(())
}

/// The members that have heard what this node does not remember.
///
/// Its own memory is read after their answers: meanwhile it has only grown.
async fn forgotten(db: &Connection, seen: &Sightings) -> Result<BTreeSet<NodeNumber>> {
    let past = resync::past(db).await?;
    let heard = seen
        .iter()
        .filter_map(|(number, sighting)| Some((number, sighting.heard.as_ref()?)));
    Ok(heard
        .filter(|(_, heard)| !past.knows(heard))
        .map(|(number, _)| *number)
        .collect())
}

async fn fence(agent: &Agent, db: &Connection, members: &[Member]) -> Result<()> {
    announce::rolled_back(agent);
    let numbers: Vec<NodeNumber> = members.iter().map(|member| member.number).collect();
    resync::fence(db, &numbers).await?;
    cut_links(db).await
}

/// Nothing is taken and nothing is kept any more.
async fn cut_links(db: &Connection) -> Result<()> {
    let actual = sql::link::actual(db).await?;
    for name in actual.lanes.keys().chain(actual.subscriptions.keys()) {
        sql::link::drop_subscription(db, name).await?;
    }
    for slot in actual.lane_slots.iter().chain(&actual.slots) {
        sql::link::drop_slot(db, slot).await?;
    }
    Ok(())
}

/// Can this node, which was rolled back, catch up with a peer at all?
///
/// # Errors
/// When the peer has purged tombstones that this node has never seen: merging cannot tell then what was deleted.
pub(super) async fn may_catch_up(agent: &Agent, db: &Connection, source: &Peer) -> Result<()> {
    let was_told = resync::too_old(db).await? == Some(true);
    if resync::is_too_old(db, sql::replication::purged_up_to(source).await?).await? {
        if !was_told {
            announce::too_old(agent);
        }
        return Err(Error::conflict("this node was rolled back too far to catch up")
            .with_hint("remove it on another member, then join it again"));
    }
    Ok(())
}

/// All rows of a peer are here: what it has heard of this node is remembered again.
pub(super) async fn remember(db: &Connection, source: &Peer) -> Result<()> {
    if let Some(heard) = resync::heard_of_me(source).await? {
        resync::remember(db, &heard).await?;
    }
    Ok(())
}

async fn serve_again(agent: &Agent, db: &Connection) -> Result<()> {
    resync::begin_anew(db).await?;
    // Before anyone may ask for it: the first beat of the new life is above all that was heard of the old one.
    heartbeat::beat(agent).await?;
    resync::unfence(db).await?;
    agent.stand(Standing::Member);
    announce::caught_up(agent);
    Ok(())
}
