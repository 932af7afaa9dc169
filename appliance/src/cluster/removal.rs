//! Removing another node, and leaving: a node that is out clears what it kept of its cluster.
//!
//! Who may do what is decided in `keystead::member::removal`. A removal is a state in the `node` table; every member's
//! reconciler cuts its own links when it sees it, in the safe order. So it can be repeated, and finished from anywhere.

use std::sync::Arc;
use std::time::Duration;

use keystead::clock::Micros;
use keystead::member::removal::{may_leave, may_remove, still_joining};
use keystead::member::roster::{NodeState, Roster};
use keystead::replication::horizon::seen_by_all;
use keystead::{Error, NodeId, NodeNumber, Result};

use super::{lease, must_be_member, own_status};
use crate::agent::{Agent, Standing};
use crate::{heartbeat, join, links};

/// How long the node to be removed and the others are given to hear of it before the links are cut.
const NOTICE: Duration = Duration::from_secs(3);

const LOOK: Duration = Duration::from_millis(50);

/// Removes the node `id`; the version of its row then. With `force` also without a majority of the members.
pub(crate) async fn remove(agent: &Arc<Agent>, id: &NodeId, force: bool) -> Result<i64> {
    must_be_member(agent)?;
    let me = agent.identity()?;
    let roster = sql::node::all(&*agent.db().await?).await?;
    may_remove(&roster, &me.node_id, id)?;
    let lease = match lease::take(agent, &roster, Some(id)).await {
        Ok(lease) => Some(lease),
        Err(refused) if force => {
            tracing::warn!(node_id = %id, error = refused.chain(), "removing by force, without a majority: the other side of a partition may remove this side");
            None
        }
        Err(refused) => return Err(refused.with_hint("try again when more members are up, or use --force")),
    };
    let removed = carry_out(agent, &roster, id, me.number).await;
    if let Some(lease) = lease {
        lease.end().await;
    }
    removed
}

async fn carry_out(agent: &Arc<Agent>, roster: &Roster, id: &NodeId, me: NodeNumber) -> Result<i64> {
    let db = agent.db().await?;
    sql::node::set_state(&db, id, NodeState::Removing).await?;
    let told = heartbeat::beat(agent).await?;
    let audience: Vec<NodeNumber> = roster
        .live()
        .map(|node| node.number)
        .filter(|number| *number != me)
        .collect();
    // One that is down does not hear of it, and is locked out all the same.
    let _nobody_left = tokio::time::timeout(NOTICE, heard(agent, &audience, me, told)).await;
    let version = sql::node::set_state(&db, id, NodeState::Removed).await?;
    agent.links_changed.notify_one();
    tracing::info!(node_id = %id, "removed a node");
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

/// Clears this node's cluster configuration: after its removal, after a failed join, or as the last node.
///
/// Accounts and keys stay.
pub(crate) async fn leave(agent: &Arc<Agent>) -> Result<()> {
    let _changing = agent.changing.lock().await;
    match agent.standing() {
        Standing::Killed => return join::clear(agent).await,
        Standing::Alone => return Err(Error::conflict("this node is not in a cluster")),
        Standing::Joining => return Err(still_joining()),
        Standing::Member | Standing::Fenced | Standing::Removed => {}
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
