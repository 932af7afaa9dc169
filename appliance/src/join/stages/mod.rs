//! The work of the five stages. Each looks at what is there already and may be repeated from its beginning.

mod bootstrapping;
mod catching_up;
mod completing;
mod creating;
mod initial_sync;

use std::sync::Arc;
use std::time::Duration;

use keystead::clock::Micros;
use keystead::join::progress::Progress;
use keystead::join::silence::Need;
use keystead::join::stage::{Event, Stage};
use keystead::member::roster::{Member, Roster};
use keystead::peer::Hello;
use keystead::replication::resync::Reason;
use keystead::{Error, Kind, NodeNumber, Result};
use sql::{Peer, Side};

pub(super) use bootstrapping::wipe;

use super::driver::ledger;
use super::source::source;
use crate::agent::Agent;
use crate::crash_point::{crash_point, halting_point};
use crate::join;
use crate::peers::{Target, call};

/// How often a condition is looked at again while a stage waits for it.
const LOOK: Duration = Duration::from_millis(50);

/// A member that does not move for this long may have gone down: it is asked for then.
const DOUBT: Duration = Duration::from_secs(15);

/// How long a member may need to hear of this node from the one that recorded it.
const ADMITTANCE: Duration = Duration::from_secs(30);

/// Runs the work of `stage`; what has happened then.
pub(super) async fn run(agent: &Arc<Agent>, stage: Stage) -> Result<Event> {
    crash_point(&format!("join::{stage}"));
    halting_point(&format!("join::{stage}::halt")).await;
    let event = match stage {
        Stage::Creating => creating::run(agent).await,
        Stage::Bootstrapping => bootstrapping::run(agent).await,
        Stage::InitialSync => initial_sync::run(agent).await,
        Stage::CatchingUp => catching_up::run(agent).await,
        Stage::Completing => completing::run(agent).await,
        Stage::Idle | Stage::Ready | Stage::Killed => {
            Err(Error::conflict(format!("there is no work in stage {stage}")))
        }
    }?;
    crash_point(&format!("join::{stage}::after"));
    halting_point(&format!("join::{stage}::after::halt")).await;
    Ok(event)
}

/// A connection to another member, which may not have heard of this node yet.
async fn member(agent: &Agent, node: &Member) -> Result<Peer> {
    let (node_id, target, address) = (ledger(agent)?.node_id, Target::of(node), &node.address);
    let admitted = async {
        loop {
            match agent.peers.connect(&node_id, &target).await {
                Ok(peer) if sql::link::is_admitted(&peer).await? => return Ok(peer),
                Err(error) if error.kind() != Kind::Unauthorized => return Err(error),
                Ok(_) | Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    };
    tokio::time::timeout(ADMITTANCE, admitted).await.map_err(|_| {
        Error::unavailable(format!("the member at {address} has not heard of this node yet"))
            .with_hint("check that it can reach the member that signed this node")
    })?
}

/// A connection to a member, or nothing when it is down, as the source sees it too: then it is left out.
async fn member_if_up(agent: &Agent, node: &Member) -> Result<Option<Peer>> {
    match member(agent, node).await {
        Ok(peer) => Ok(Some(peer)),
        Err(error) if error.kind() == Kind::Unavailable && leave_out_if_silent(agent, node).await? => {
            tracing::info!(error = error.chain(), "a member is down");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Leaves a member out that the source has not heard of lately. This node goes on without it; when it is back, all its
/// rows are read anew, like those of every other member whose changes were not kept for this node.
async fn leave_out_if_silent(agent: &Agent, node: &Member) -> Result<bool> {
    let facts = call::ask(&source(agent).await?, &Hello {}).await?;
    if !facts.silent.contains(&node.address.to_string()) {
        return Ok(false);
    }
    if read_anew_later(agent, node).await? {
        tracing::warn!(address = %node.address, "the join goes on without a member that is down");
    }
    join::go_on_without(agent, node.number);
    Ok(true)
}

/// The members but those that are left out.
async fn without_silent(agent: &Agent, members: Vec<Member>) -> Result<Vec<Member>> {
    let mut heard = Vec::new();
    for member in members {
        if !leave_out_if_silent(agent, &member).await? {
            heard.push(member);
        }
    }
    Ok(heard)
}

/// Keeps in mind that a member's rows must be read anew. False when that was known.
async fn read_anew_later(agent: &Agent, node: &Member) -> Result<bool> {
    Ok(sql::resync::need(&*agent.db().await?, node.number, Reason::Missing).await?)
}

/// The newest heartbeat a member has sent, as the member itself has it.
async fn newest_heartbeat(peer: &Peer, member: &Member) -> Result<Micros> {
    let heartbeat = sql::heartbeat::newest(peer).await?.get(&member.number).copied();
    heartbeat.ok_or_else(|| Error::unavailable(format!("the member at {} has no heartbeat", member.address)))
}

/// This node's number; it has one from bootstrapping on.
fn number(agent: &Agent) -> Result<NodeNumber> {
    ledger(agent)?
        .number
        .ok_or_else(|| Error::new(Kind::Internal, "this node has no number yet"))
}

/// The members as `db`, here or at a peer, has them: those that this node must be linked with.
async fn members(agent: &Agent, db: impl Into<Side<'_>>) -> Result<(Roster, Vec<Member>)> {
    let me = ledger(agent)?.node_id;
    let roster = sql::node::all(db).await?;
    let members = roster.ready_peers(&me).cloned().collect();
    Ok((roster, members))
}

/// The stage goes on when all these members have done their part, or are left out, which the agent of the source decides.
fn need_all(agent: &Agent, members: &[Member]) -> Result<()> {
    let source = ledger(agent)?.source;
    let need = |number| {
        if number == source {
            Need::Heartbeats
        } else {
            Need::Answers
        }
    };
    let needs = members.iter().map(|member| (member.number, need(member.number)));
    join::need(agent, needs);
    Ok(())
}

/// Changes what clients see of this join.
fn report(agent: &Agent, change: impl FnOnce(&mut Progress)) {
    agent.join.show(|join| change(&mut join.progress));
}
