//! The reconciler: works out from the `node` table which links this node must have, compares, repairs.
//!
//! It takes no input, is woken by a change of that table and by a timer, and may always run again. What must be is
//! decided in `keystead::member::links`; this file looks and does.

mod conninfo;
mod deeds;
pub(crate) mod lanes;
mod last_rows;
mod list;
pub(crate) mod revoked;
mod rounds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use keystead::api::links::Part;
use keystead::clock::Micros;
use keystead::member::links::{Actual, Repair, repairs};
use keystead::member::parts::{LET_IN, LOCKED_OUT, REVOKED, part_of, words};
use keystead::member::roster::{Member, NodeState, Roster};
use keystead::replication::names;
use keystead::{Error, NodeId, Result};
use sql::Connection;

use crate::agent::{Agent, Standing};
use crate::postgres::PeerAccess;
use crate::pulse::Pulse;
use crate::wake::Wake;
use crate::{acknowledge, heartbeat, removed, upgrade};
pub(crate) use deeds::Deeds;
pub(crate) use lanes::Settling;
pub(crate) use list::list;
pub(crate) use rounds::Rounds;

/// Runs this often even when nothing changed.
const TIMER: Duration = Duration::from_secs(5);

/// A peer whose newest word is older than this is being caught up with, or away.
const BEHIND_MILLIS: i64 = 30_000;

/// The channel on which PostgreSQL tells that the `node` table changed, also by a peer's change.
pub(crate) const CHANNEL: &str = "keystead_node";

/// Reconciles until the agent stops.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    let mut wake = Wake::new(agent.postgres.config(sql::database::CLUSTER), CHANNEL);
    while pulse.goes_on() {
        reconcile(&agent).await.unwrap_or_else(|error| not_now(&error));
        let woken = async {
            tokio::select! {
                () = agent.links_changed.notified() => {}
                () = wake.next(TIMER) => {}
            }
        };
        pulse.rest(woken).await;
    }
}

/// Whatever it was, the next round tries again.
fn not_now(error: &Error) {
    tracing::warn!(error = error.chain(), "links could not be reconciled, trying again");
}

/// Brings a member's links to what the `node` table demands, as it is now or later. A node that joins has its links made
/// by its join.
///
/// # Errors
/// When the table or what there is of links cannot be read. What a repair came to is told by `list.rs`.
pub(crate) async fn reconcile(agent: &Arc<Agent>) -> Result<()> {
    agent.rounds.run(round(agent)).await
}

async fn round(agent: &Arc<Agent>) -> Result<()> {
    if !matches!(agent.standing(), Standing::Member | Standing::Fenced) {
        return Ok(());
    }
    let me = agent.identity()?.node_id;
    let db = agent.db().await?;
    let roster = sql::node::all(&db).await?;
    if roster.find(&me).is_none_or(|node| node.state >= NodeState::Removing) {
        // The others are letting go of this node; it stops taking writes and says so. A last heartbeat tells them
        // that it has heard.
        agent.stand(Standing::Removed);
        heartbeat::beat(agent).await?;
        return removed::note_position(agent, &db).await;
    }
    apply(agent, &db, &roster, true).await?;
    lanes::keep(agent, &db, &roster).await?;
    acknowledge::keep(agent, &db).await?;
    upgrade::keep(agent, &db, &roster).await
}

/// Makes the links of a node that joins what `roster` demands, but for subscriptions: none is made or enabled.
///
/// # Errors
/// As [`reconcile`].
pub(crate) async fn prepare(agent: &Agent, db: &Connection, roster: &Roster) -> Result<()> {
    agent.rounds.between(apply(agent, db, roster, false)).await
}

/// Makes the links of this node what `roster` demands. With `subscribe` false, no subscription is made or enabled.
async fn apply(agent: &Agent, db: &Connection, roster: &Roster, subscribe: bool) -> Result<()> {
    let me = agent.identity()?.node_id;
    let me = roster
        .find(&me)
        .ok_or_else(|| Error::unavailable("this node is not in its own list of nodes"))?;
    let guests = sql::ticket::guests(&*agent.local.get().await?).await?;
    let outdated = conninfo::outdated(agent, db, roster, me).await?;
    let actual = Actual {
        outdated: outdated.keys().cloned().collect(),
        ..look(agent, db, roster, me).await?
    };
    end_own_sessions(agent, roster);
    for repair in repairs(roster, me, &guests, &actual, subscribe) {
        match &repair {
            Repair::SetAccess(nodes) => set_access(agent, nodes).await,
            Repair::Revoke(serials) => revoke(agent, serials).await,
            Repair::Subscribe(id) => {
                if let Some(peer) = roster.find(id) {
                    resubscribe(agent, db, me, peer, words(&repair)).await;
                }
            }
            Repair::DropSubscription(name) => {
                let outcome = drop_subscription(db, roster, me, name).await;
                did(agent, (Part::Subscription, name), words(&repair), &outcome);
            }
            Repair::Reconnect(name) => {
                let outcome = reconnect(db, name, &outdated).await;
                did(agent, (Part::Subscription, name), words(&repair), &outcome);
            }
            in_database => {
                let outcome = act_in_database(db, in_database).await.map_err(Error::from);
                if let Some(part) = part_of(in_database) {
                    did(agent, part, words(in_database), &outcome);
                }
            }
        }
    }
    Ok(())
}

async fn look(agent: &Agent, db: &Connection, roster: &Roster, me: &Member) -> Result<Actual> {
    Ok(Actual {
        behind: behind(agent, db, roster, me).await?,
        is_full: agent.fullness.is_full(),
        ..sql::link::actual(db).await?
    })
}

/// The subscriptions whose newest heartbeat is old by its node's clock, as far as that was measured: one that is wrong and
/// was not makes a subscription lazy that need not be, no more.
async fn behind(agent: &Agent, db: &Connection, roster: &Roster, me: &Member) -> Result<BTreeSet<String>> {
    let (newest, now) = (sql::heartbeat::newest(db).await?, agent.clock.now());
    let skews = agent.memory.skews();
    let is_behind = |peer: &&Member| {
        let ahead = skews.get(&peer.number).map_or(0, |skew| skew.ahead.0);
        let its_now = Micros(now.0.saturating_add(ahead));
        let newest = newest.get(&peer.number);
        newest.is_some_and(|newest| its_now.millis_since(*newest) > BEHIND_MILLIS)
    };
    let behind = roster.ready_peers(&me.id).filter(is_behind);
    Ok(behind.map(|peer| names::link(peer.number, me.number)).collect())
}

fn did(agent: &Agent, part: (Part, &str), words: (&str, &str), outcome: &Result<()>) {
    agent.deeds.did(part, words, outcome, agent.clock.now());
}

/// Lets exactly these nodes in; told for each that was not let in before, and for each that was.
async fn set_access(agent: &Agent, nodes: &[NodeId]) {
    let before = agent.postgres.access().unwrap_or_default();
    let outcome = agent
        .postgres
        .set_access(&nodes.iter().map(access).collect::<Vec<_>>())
        .await;
    let wanted: BTreeSet<String> = nodes.iter().map(names::role).collect();
    for (part, lines) in [(Part::Hba, &before.hba), (Part::Ident, &before.ident)] {
        for role in wanted.difference(lines) {
            did(agent, (part, role), LET_IN, &outcome);
        }
        for role in lines.difference(&wanted) {
            did(agent, (part, role), LOCKED_OUT, &outcome);
        }
    }
    if let Err(error) = outcome {
        tracing::warn!(
            error = error.chain(),
            "who is let in could not be settled, trying again"
        );
    }
}

async fn revoke(agent: &Agent, serials: &[String]) {
    let before = revoked::installed(agent);
    let outcome = revoked::install(agent, serials).await;
    for serial in serials.iter().filter(|serial| !before.contains(*serial)) {
        did(agent, (Part::Revocation, serial), REVOKED, &outcome);
    }
    if let Err(error) = outcome {
        tracing::debug!(error = error.chain(), "there is no new revocation list yet");
    }
}

async fn resubscribe(agent: &Agent, db: &Connection, me: &Member, peer: &Member, words: (&str, &str)) {
    let name = names::link(peer.number, me.number);
    let outcome = take_first_lane(agent, db, me, peer, Confirming::AtOnce).await;
    did(agent, (Part::Subscription, &name), words, &outcome);
}

/// Lets a subscription connect in the way it should by now.
async fn reconnect(db: &Connection, name: &str, outdated: &BTreeMap<String, String>) -> Result<()> {
    match outdated.get(name) {
        Some(conninfo) => Ok(sql::link::set_conninfo(db, name, conninfo).await?),
        None => Ok(()),
    }
}

/// What this node's agent has open to removed nodes: their certificates were good when it was opened.
fn end_own_sessions(agent: &Agent, roster: &Roster) {
    let is_removed = |id: &NodeId| roster.find(id).is_some_and(|node| node.state == NodeState::Removed);
    let ended = agent.peers.end_sessions(is_removed);
    if ended > 0 {
        tracing::info!(ended, "ended this node's sessions with removed nodes");
    }
}

/// What came through it goes to the members that do not have it first.
async fn drop_subscription(db: &Connection, roster: &Roster, me: &Member, name: &str) -> Result<()> {
    last_rows::send_on(db, roster, me, name).await?;
    Ok(sql::link::drop_subscription(db, name).await?)
}

async fn act_in_database(db: &Connection, repair: &Repair) -> sql::Result<()> {
    match repair {
        Repair::MakeRole(role) => sql::link::make_role(db, role).await,
        Repair::Admit(role) => sql::link::admit(db, role).await,
        Repair::EndSessions(role) => sql::link::end_sessions(db, role).await,
        Repair::ConfirmAtOnce(name) => sql::link::confirm_at_once(db, name).await,
        Repair::ConfirmLazily(name) => sql::link::confirm_lazily(db, name).await,
        Repair::Enable(name) => sql::link::enable(db, name).await,
        Repair::Pause(name) | Repair::StopTaking(name) => sql::link::pause(db, name).await,
        Repair::DropSlot(name) => sql::link::drop_slot(db, name).await,
        Repair::DropRole(role) => sql::link::drop_role(db, role).await,
        Repair::SetAccess(_)
        | Repair::Revoke(_)
        | Repair::Subscribe(_)
        | Repair::Reconnect(_)
        | Repair::DropSubscription(_) => Ok(()),
    }
}

fn access(id: &NodeId) -> PeerAccess {
    PeerAccess {
        node_id: id.clone(),
        role: names::role(id),
    }
}

/// When what arrives on a subscription is confirmed to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirming {
    /// When it happens to be on disk: fast where much is to be caught up with and nobody waits for it.
    Lazily,
    /// With each transaction: writers on the other side may wait for it.
    AtOnce,
}

/// Takes the changes of `peer` from the slot it keeps for this node. Making one that is there is a success.
///
/// A new subscription starts where the slot is: that is where this node left it, unless the peer says that it was moved,
/// or its heartbeats have a gap. Then nothing is taken before its rows were read anew: see `crate::resync`.
pub(crate) async fn subscribe(
    agent: &Agent,
    db: &Connection,
    me: &Member,
    peer: &Member,
    confirming: Confirming,
) -> Result<()> {
    take_first_lane(agent, db, me, peer, confirming).await?;
    lanes::take_from(agent, db, me, peer).await
}

async fn take_first_lane(
    agent: &Agent,
    db: &Connection,
    me: &Member,
    peer: &Member,
    confirming: Confirming,
) -> Result<()> {
    let _subscribing = agent.subscribing.lock().await;
    let name = names::link(peer.number, me.number);
    let actual = sql::link::actual(db).await?;
    if actual.resyncing.contains(&peer.number) {
        return Ok(());
    }
    if !actual.subscriptions.contains_key(&name) {
        subscribe_to_first_lane(agent, db, me, peer).await?;
    }
    if confirming == Confirming::AtOnce {
        sql::link::confirm_at_once(db, &name).await?;
    }
    Ok(sql::link::enable(db, &name).await?)
}

async fn subscribe_to_first_lane(agent: &Agent, db: &Connection, me: &Member, peer: &Member) -> Result<()> {
    let name = names::link(peer.number, me.number);
    tracing::info!(name, "subscribing to a peer");
    let conninfo = conninfo::for_new(agent, db, &me.id, peer).await?;
    Ok(sql::link::subscribe(db, &name, &conninfo).await?)
}

/// A peer's call: it has caught up and wants this node to subscribe to it.
pub(crate) async fn subscribe_to(agent: &Agent, caller: &NodeId) -> Result<()> {
    let me = agent.identity()?.node_id;
    let db = agent.db().await?;
    let roster = sql::node::all(&db).await?;
    match (roster.find(&me), roster.find(caller)) {
        (Some(me), Some(peer)) if peer.state.is_live() => subscribe(agent, &db, me, peer, Confirming::AtOnce).await,
        _ => Err(Error::unavailable(format!(
            "this node has not heard of node {caller} yet"
        ))),
    }
}

/// Cuts every link of this node: nobody may log in, nothing is taken from anyone or kept for anyone.
pub(crate) async fn cut_all(agent: &Agent) -> Result<()> {
    agent.rounds.between(cut(agent)).await
}

async fn cut(agent: &Agent) -> Result<()> {
    agent.postgres.set_access(&[]).await?;
    acknowledge::forget(agent).await?;
    let db = match agent.db().await {
        Ok(db) => db,
        // A wipe that was cut off: without the database nothing hangs on it.
        Err(_) if !database_is_there(agent).await? => return Ok(()),
        Err(error) => return Err(error),
    };
    let actual = sql::link::made(&db).await?;
    for name in actual.lanes.keys().chain(actual.subscriptions.keys()) {
        sql::link::drop_subscription(&db, name).await?;
    }
    for role in actual.roles.keys() {
        sql::link::end_sessions(&db, role).await?;
    }
    for slot in actual.lane_slots.iter().chain(&actual.slots) {
        sql::link::drop_slot(&db, slot).await?;
    }
    for role in actual.roles.keys() {
        sql::link::drop_role(&db, role).await?;
    }
    Ok(())
}

async fn database_is_there(agent: &Agent) -> Result<bool> {
    let server = sql::connect(&agent.postgres.config("postgres")).await?;
    Ok(sql::database::exists(&server, sql::database::CLUSTER).await?)
}
