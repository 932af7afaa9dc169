//! What this node says of its cluster: `GET /v1/cluster`, `/summary` and `/errors`.

use std::collections::BTreeMap;
use std::sync::Arc;

use keystead::Result;
use keystead::api::cluster::ClusterInfo;
use keystead::api::summary::{NodeErrors, Summary, View};
use keystead::member::lease::majority;
use keystead::member::roster::{Member, Roster};
use keystead::member::status::NodeStatus;
use keystead::summary::is_silent;
use sql::Connection;

use super::own_status;
use crate::agent::{Agent, Standing};

/// This node's own status. Always answers, also when the node is in no cluster.
pub(crate) async fn info(agent: &Arc<Agent>) -> Result<ClusterInfo> {
    match agent.standing() {
        Standing::Alone => Ok(answer(String::new(), NodeStatus::NotClustered)),
        Standing::Joining | Standing::Killed => Ok(joining(agent)),
        Standing::Member | Standing::Fenced | Standing::Removed => {
            let me = agent.identity()?.node_id;
            let db = agent.db().await?;
            let status = own_status(agent, &db).await?;
            let roster = sql::node::all(&db).await?;
            Ok(ClusterInfo {
                node_count: Some(roster.node_count()),
                raft_status: Some(raft_status(agent, &db, &roster).await?.to_owned()),
                ..answer(me.to_string(), status)
            })
        }
    }
}

fn answer(node_id: String, status: NodeStatus) -> ClusterInfo {
    ClusterInfo {
        node_id,
        status: status.into(),
        node_count: None,
        raft_status: None,
        progress: None,
    }
}

fn joining(agent: &Agent) -> ClusterInfo {
    let join = agent.join.borrow();
    match join.as_ref() {
        Some(join) => {
            let status = match join.killed() {
                Some(reason) => NodeStatus::Killed(reason.to_owned()),
                None => NodeStatus::Joining(join.ledger.stage),
            };
            let id = if join.killed().is_some() {
                String::new()
            } else {
                join.ledger.node_id.to_string()
            };
            ClusterInfo {
                progress: Some(join.progress.clone()),
                ..answer(id, status)
            }
        }
        None => answer(String::new(), NodeStatus::NotClustered),
    }
}

/// `up` while a majority of the members has been heard of lately: then members can be added and removed.
async fn raft_status(agent: &Agent, db: &Connection, roster: &Roster) -> Result<&'static str> {
    let now = agent.clock.now();
    let heard = sql::heartbeat::newest(db).await?;
    let heard_of = |node: &&Member| !is_silent(heard.get(&node.number).copied(), now);
    let up = roster.ready().filter(heard_of).count();
    Ok(if up >= majority(roster.ready().count()) {
        "up"
    } else {
        "down"
    })
}

/// What every member says of every other. A member that is down is shown by what it last said.
pub(crate) async fn summary(agent: &Arc<Agent>) -> Result<Summary> {
    let resources = views(agent).await?;
    Ok(Summary {
        skip: 0,
        limit: 0,
        total: resources.len() as u64,
        resources,
    })
}

/// Everything that is wrong, as this node and the others see it; empty when nothing is.
pub(crate) async fn errors(agent: &Arc<Agent>) -> Result<Vec<NodeErrors>> {
    let views = views(agent).await?;
    let entries = views.into_iter().flat_map(|(viewer, view)| {
        view.cluster_summary.into_iter().filter_map(move |(node_id, viewed)| {
            Some(NodeErrors {
                node_id,
                viewer_id: viewer.clone(),
                host: viewed.node_info.host,
                cluster_errors: viewed.cluster_errors?,
            })
        })
    });
    Ok(entries.collect())
}

/// The views of the nodes that are in the cluster.
async fn views(agent: &Arc<Agent>) -> Result<BTreeMap<String, View>> {
    if !matches!(
        agent.standing(),
        Standing::Member | Standing::Fenced | Standing::Removed
    ) {
        return Ok(BTreeMap::new());
    }
    let db = agent.db().await?;
    let roster = sql::node::all(&db).await?;
    let mut views = sql::node_view::all(&db).await?;
    views.retain(|viewer, _| {
        viewer
            .parse()
            .is_ok_and(|id| roster.find(&id).is_some_and(|node| node.state.is_live()))
    });
    Ok(views)
}
