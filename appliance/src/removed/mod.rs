//! A node that was removed: it learns of it, though nobody lets it in any more, and lets go of its former cluster.
//!
//! `learn.rs` asks the members it cannot reach; `orphans.rs` writes down what it alone has. It serves reads until its
//! administrator clears it: `crate::cluster::leave`. Why a refusal can be believed: `crate::peers::refusal`.

mod learn;
mod orphans;

use std::sync::Arc;
use std::time::Duration;

use keystead::Result;
use keystead::member::roster::NodeState;

use crate::agent::{Agent, Standing};
use crate::links;
use crate::pulse::Pulse;

pub(crate) use learn::{ask_all, learn, standing_at_start};
pub(crate) use orphans::{list, note_position};

/// Between two looks. A look costs nothing while the members are well.
const PERIOD: Duration = Duration::from_secs(2);

/// Looks until the agent stops.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    while pulse.goes_on() {
        if let Err(error) = look(&agent).await {
            tracing::debug!(error = error.chain(), "it cannot be told whether this node was removed");
        }
        pulse.rest(tokio::time::sleep(PERIOD)).await;
    }
}

async fn look(agent: &Agent) -> Result<()> {
    match agent.standing() {
        Standing::Member | Standing::Fenced => learn(agent).await,
        Standing::Removed => {
            let _changing = agent.changing.lock().await;
            if agent.standing() == Standing::Removed && is_final(agent).await? {
                settle(agent).await?;
            }
            Ok(())
        }
        Standing::Alone | Standing::Restoring | Standing::Joining | Standing::Killed => Ok(()),
    }
}

/// Is the removal carried out? While a member still fetches this node's changes, it is not.
async fn is_final(agent: &Agent) -> Result<bool> {
    let me = agent.identity()?.node_id;
    let roster = sql::node::all(&*agent.db().await?).await?;
    if roster.find(&me).is_none_or(|node| node.state == NodeState::Removed) {
        return Ok(true);
    }
    learn::is_told_by_anyone(agent, roster.ready_peers(&me).cloned().collect()).await
}

/// Lets go of the former cluster: writes down what only this node has, then cuts its links. May be repeated.
pub(crate) async fn settle(agent: &Agent) -> Result<()> {
    let db = agent.db().await?;
    let actual = sql::link::actual(&db).await?;
    if actual.roles.is_empty() && actual.slots.is_empty() && actual.subscriptions.is_empty() {
        return Ok(());
    }
    orphans::keep(agent, &db).await?;
    links::cut_all(agent).await?;
    let me = agent.identity()?.node_id;
    sql::node::set_state(&db, &me, NodeState::Removed).await?;
    tracing::info!("this node has cut its links to its former cluster");
    Ok(())
}
