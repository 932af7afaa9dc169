//! Links that have lost something are found and mended, and a node that was rolled back is kept from serving.
//!
//! One round every few seconds: `look.rs` asks every member, `keystead::replication::resync` says what that means,
//! `mend.rs` reads a peer's rows anew, `fence.rs` deals with a roll-back. What is to be mended is remembered in the
//! database, so that a crash only begins it again. Nothing is ever wiped.

mod announce;
mod fence;
mod lives;
mod look;
mod mend;

use std::sync::Arc;
use std::time::Duration;

use keystead::member::roster::{Member, NodeState};
use keystead::replication::names;
use keystead::replication::resync::{Kept, Reason};
use keystead::{Error, Result};

use crate::agent::{Agent, Standing};
use crate::pulse::Pulse;
use crate::wake::Wake;
pub(crate) use fence::standing_at_start;
use lives::Lives;
use look::{Peers, Sightings};
use mend::{Mending, mend};

/// Between two rounds, when nothing wakes them.
const PERIOD: Duration = Duration::from_secs(5);

/// How long a member may take to answer in a round: connecting, and then some.
const PATIENCE: Duration = Duration::from_secs(8);

/// How often this node looks after the slots it keeps: what is done to one sooner after its reader has left is not seen.
const WATCH: Duration = Duration::from_millis(500);

/// The channel on which PostgreSQL tells that a peer's heartbeats have a gap.
const CHANNEL: &str = "keystead_resync";

/// Finds and mends until the agent stops, while this node is a member.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    let mut wake = Wake::new(agent.postgres.config(sql::database::CLUSTER), CHANNEL);
    let (mut peers, mending) = (Peers::default(), Arc::new(Mending::default()));
    let mut lives = Lives::default();
    while pulse.goes_on() {
        if matches!(agent.standing(), Standing::Member | Standing::Fenced) {
            let looked = round(&agent, &mut peers, &mending, &mut lives).await;
            looked.unwrap_or_else(|error| not_now(&error));
        }
        let woken = async {
            tokio::select! {
                () = mending.one_ended() => {}
                () = wake.next(PERIOD) => {}
            }
        };
        pulse.rest(woken).await;
    }
}

/// Whatever it was, the next round tries again.
fn not_now(error: &Error) {
    tracing::debug!(error = error.chain(), "looking after the links failed, trying again");
}

async fn round(agent: &Arc<Agent>, peers: &mut Peers, mending: &Arc<Mending>, lives: &mut Lives) -> Result<()> {
    let members = members(agent).await?;
    // Taken before the members are asked: what they say of a slot that is being made anew is soon untrue.
    let busy = mending.busy();
    let mut seen = peers.ask(agent, &members, PATIENCE).await;
    for number in &busy {
        if let Some(sighting) = seen.get_mut(number) {
            sighting.kept = None;
        }
    }
    for (number, sighting) in &seen {
        agent.memory.measured(*number, sighting.skew);
    }
    remember(agent, &seen).await?;
    fence::check(agent, &members, &seen).await?;
    let db = agent.db().await?;
    // After the answers of the members: meanwhile it has only grown.
    lives.note(agent, &seen, &sql::resync::past(&db).await?);
    let needs = sql::resync::needs(&db).await?;
    mending.forget(agent, &needs);
    for member in &members {
        if let Some(reason) = needs.get(&member.number) {
            // A roll-back is caught up with when nobody else lives on as this node.
            let may = *reason != Reason::RolledBack || lives.over(member.number);
            mending.begin(agent, member, *reason, may && seen.contains_key(&member.number));
        }
    }
    Ok(())
}

/// The members but this node; a node that joins only when its changes are taken already, or something of it was lost, for
/// its slots are made on the way.
async fn members(agent: &Agent) -> Result<Vec<Member>> {
    let me = agent.identity()?;
    let db = agent.db().await?;
    let made = sql::link::actual(&db).await?;
    let is_taken = |node: &Member| made.subscriptions.contains_key(&names::link(node.number, me.number));
    let roster = sql::node::all(&db).await?;
    let peers = roster.live().filter(|node| node.id != me.node_id);
    let asked =
        peers.filter(|node| node.state == NodeState::Ready || made.resyncing.contains(&node.number) || is_taken(node));
    Ok(asked.cloned().collect())
}

/// Keeps in mind which peers' rows must be read anew, by what these say of their slots.
async fn remember(agent: &Agent, seen: &Sightings) -> Result<()> {
    let db = agent.db().await?;
    for (number, sighting) in seen {
        if let Some(reason) = sighting.kept.and_then(Kept::reason) {
            sql::resync::need(&db, *number, reason).await?;
        }
    }
    Ok(())
}

/// Mends the link from `member` at once if it has lost something: for a join, which cannot end without it.
pub(crate) async fn mend_if_needed(agent: &Agent, member: &Member, peer: &sql::Peer) -> Result<()> {
    let db = agent.db().await?;
    if let Some(reason) = sql::resync::slot_kept(peer).await?.and_then(Kept::reason) {
        sql::resync::need(&db, member.number, reason).await?;
    }
    if sql::resync::needs(&db).await?.contains_key(&member.number) {
        tracing::warn!(address = %member.address, "changes of a member were lost during the join; its rows are read anew");
        mend(agent, member).await?;
    }
    Ok(())
}

/// Looks after the slots that this node keeps, until the agent stops: a reader whose slot was moved is told.
pub(crate) async fn watch(agent: Arc<Agent>, pulse: Pulse) {
    while pulse.rest(tokio::time::sleep(WATCH)).await.is_some() {
        if agent.standing() != Standing::Member {
            continue;
        }
        let looked = async { Ok::<(), Error>(sql::resync::watch_slots(&*agent.db().await?).await?) };
        if let Err(error) = looked.await {
            tracing::debug!(error = error.chain(), "this node's slots could not be looked after");
        }
    }
}
