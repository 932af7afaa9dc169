//! Removing another node, and leaving: a node that is out clears what it kept of its cluster.
//!
//! Who may do what is decided in `keystead::member::removal`. A removal is a state in the `node` table; every member's
//! reconciler cuts its own links when it sees it, in the safe order. So it can be repeated, and finished from anywhere.

use std::sync::Arc;
use std::time::Duration;

use keystead::alarm::Alarm;
use keystead::clock::Micros;
use keystead::member::removal::{may_leave, may_remove};
use keystead::member::roster::NodeState;
use keystead::replication::horizon::seen_by_all;
use keystead::{Error, NodeId, NodeNumber, Result};
use sql::identity::Identity;

use super::lease::{self, Lease};
use super::{must_be_member, own_status};
use crate::agent::{Agent, Standing};
use crate::crash_point::crash_point;
use crate::{heartbeat, join, links, removed};

/// How long the node to be removed and the others are given to hear of it before the links are cut.
const NOTICE: Duration = Duration::from_secs(3);

const LOOK: Duration = Duration::from_millis(50);

/// A removal that a user asks for.
pub(crate) struct Removal {
    /// The node to be removed.
    pub(crate) id: NodeId,
    /// Remove it also without a majority of the members.
    pub(crate) force: bool,
    /// Whose wish it is.
    pub(crate) account: String,
}

/// Removes a node; the version of its row then. What an earlier removal that was cut off has done is not undone.
pub(crate) async fn remove(agent: &Arc<Agent>, asked: &Removal) -> Result<i64> {
    must_be_member(agent)?;
    let (me, id) = (agent.identity()?, &asked.id);
    may_remove(&sql::node::all(&*agent.db().await?).await?, &me.node_id, id)?;
    let lease = take_lease(agent, asked).await?;
    crash_point("removal::leased");
    let removed = carry_out(agent, id).await;
    if let Some(lease) = lease {
        lease.end().await;
    }
    if removed.is_ok() {
        audit(asked);
    }
    removed
}

fn audit(removal: &Removal) {
    let Removal { id, force, account } = removal;
    tracing::info!(target: "audit", node_id = %id, account, force, "removed a node");
}

/// The lease; `None` when it is not to be had and the node is removed all the same, which is told.
async fn take_lease(agent: &Agent, asked: &Removal) -> Result<Option<Lease>> {
    let roster = sql::node::all(&*agent.db().await?).await?;
    let refused = match lease::take(agent, &roster, Some(&asked.id)).await {
        Ok(lease) => return Ok(Some(lease)),
        Err(refused) => refused,
    };
    if !asked.force {
        return Err(refused.with_hint("try again when more members are up, or use --force"));
    }
    let id = &asked.id;
    tracing::warn!(target: "audit", node_id = %id, account = asked.account, error = refused.chain(),
        "a node is removed by force: members that cannot be asked now may have removed nodes of this side");
    let text = format!("node {id} was removed by force by account {}: {refused}", asked.account);
    agent.alarms.raise(Alarm::ForcedRemoval, id.as_str(), text);
    Ok(None)
}

async fn carry_out(agent: &Arc<Agent>, id: &NodeId) -> Result<i64> {
    let Identity {
        node_id, number: me, ..
    } = agent.identity()?;
    // Another removal may have come first while this one waited for its turn, also one of this node.
    removed::ask_all(agent).await?;
    must_be_member(agent)?;
    let db = agent.db().await?;
    let roster = sql::node::all(&db).await?;
    may_remove(&roster, &node_id, id)?;
    sql::node::set_state(&db, id, NodeState::Removing).await?;
    crash_point("removal::removing");
    let told = heartbeat::beat(agent).await?;
    let audience: Vec<NodeNumber> = roster
        .nodes
        .iter()
        .filter(|node| node.state.is_linked() && node.number != me)
        .map(|node| node.number)
        .collect();
    // One that is down does not hear of it, and is locked out all the same.
    let _nobody_left = tokio::time::timeout(NOTICE, heard(agent, &audience, me, told)).await;
    let version = sql::node::set_state(&db, id, NodeState::Removed).await?;
    crash_point("removal::removed");
    agent.links_changed.notify_one();
    version.ok_or_else(|| Error::conflict(format!("node {id} was removed by another member meanwhile")))
}

async fn heard(agent: &Agent, audience: &[NodeNumber], me: NodeNumber, told: Micros) -> Result<()> {
    loop {
        let heartbeats = sql::heartbeat::all(&*agent.db().await?).await?;
        if seen_by_all(&heartbeats, audience, me, told) {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Clears this node's cluster configuration: after its removal, in a join or after a failed one, or as the last node.
///
/// Accounts and keys stay.
pub(crate) async fn leave(agent: &Arc<Agent>) -> Result<()> {
    let _changing = agent.changing.lock().await;
    match agent.standing() {
        Standing::Killed => return join::clear(agent).await,
        // Nothing to do: clients that take down what they have made ask this of nodes that never came to be members.
        Standing::Alone => return Ok(()),
        Standing::Restoring => return Err(Error::conflict("this node is not in a cluster")),
        Standing::Joining => return join::abort(agent).await,
        // Removed while it was away, and asked before it has learned of it.
        Standing::Member | Standing::Fenced => removed::learn(agent).await?,
        Standing::Removed => {}
    }
    if agent.standing() == Standing::Removed {
        removed::settle(agent).await?;
    }
    let db = agent.db().await?;
    let (roster, status) = (sql::node::all(&db).await?, own_status(agent, &db).await?);
    drop(db);
    may_leave(&status, &roster, &agent.identity()?.node_id)?;
    dissolve(agent).await
}

async fn dissolve(agent: &Agent) -> Result<()> {
    // From here on it is nobody's peer; a crash in between is finished by asking again.
    agent.stand(Standing::Removed);
    links::cut_all(agent).await?;
    let db = agent.db().await?;
    sql::replication::forget_cluster(&db).await?;
    sql::replication::become_node(&db, NodeNumber::FIRST).await?;
    agent.postgres.install_placeholder().await?;
    agent.set_identity(None).await?;
    agent.open_keyring().await?;
    agent.stand(Standing::Alone);
    tracing::info!("this node has left its cluster");
    Ok(())
}
