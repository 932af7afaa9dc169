//! What this node says of its cluster: `GET /v1/cluster`, `/summary` and `/errors`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::own_status;
use crate::agent::{Agent, Standing};
use crate::view;
use keystead::Result;
use keystead::api::cluster::ClusterInfo;
use keystead::api::summary::{NodeErrors, Summary, View};
use keystead::member::lease::{Votes, decide, majority};
use keystead::member::roster::{Member, Roster};
use keystead::member::status::NodeStatus;
use keystead::summary::{is_silent, removed};

/// This node's own status. Always answers, also when the node is in no cluster.
pub(crate) async fn info(agent: &Arc<Agent>) -> Result<ClusterInfo> {
    match agent.standing() {
        Standing::Alone | Standing::Restoring => Ok(answer(String::new(), NodeStatus::NotClustered)),
        Standing::Joining | Standing::Killed => Ok(joining(agent)),
        Standing::Member | Standing::Fenced | Standing::Removed => {
            let me = agent.identity()?.node_id;
            let db = agent.db().await?;
            let status = own_status(agent, &db).await?;
            let roster = sql::node::all(&db).await?;
            Ok(ClusterInfo {
                node_count: Some(roster.node_count()),
                raft_status: Some(raft_status(agent, &roster).to_owned()),
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
                None => NodeStatus::joining(join.ledger.stage, join.progress.place),
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
fn raft_status(agent: &Agent, roster: &Roster) -> &'static str {
    if hears_majority(agent, roster).is_ok() {
        "up"
    } else {
        "down"
    }
}

/// Refuses what needs a majority of the members when this node has not heard of one lately. Whether there is one is
/// decided by asking them, under the lease; this is to refuse early what would fail there.
///
/// # Errors
/// [`keystead::Kind::ConsensusDown`].
pub(super) fn hears_majority(agent: &Agent, roster: &Roster) -> Result<()> {
    let (me, now) = (agent.identity()?.node_id, agent.clock.now());
    let heard = view::heard(agent);
    let heard_of = |node: &&Member| node.id == me || !is_silent(heard.get(&node.number).copied(), now);
    let members = roster.ready().count();
    let votes = Votes {
        members,
        needed: majority(members),
        granted: roster.ready().filter(heard_of).count(),
        busy: 0,
        vetoed: false,
    };
    decide(votes)
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

/// Everything that is wrong, as this node and the others see it; empty when nothing is. What a node said that this one
/// hears no more may be over long since: the summary has it, with its time.
pub(crate) async fn errors(agent: &Arc<Agent>) -> Result<Vec<NodeErrors>> {
    let mut views = views(agent).await?;
    if let Ok(me) = agent.identity() {
        let roster = sql::node::all(&*agent.db().await?).await?;
        let (heard, now) = (view::heard(agent), agent.clock.now());
        let speaks = |node: &Member| node.id == me.node_id || !is_silent(heard.get(&node.number).copied(), now);
        views.retain(|viewer, _| {
            roster
                .nodes
                .iter()
                .any(|node| node.id.as_str() == viewer && speaks(node))
        });
    }
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
    if agent.standing() == Standing::Removed {
        return Ok(of_removed(agent, &roster));
    }
    let mut views = sql::node_view::all(&db).await?;
    views.retain(|viewer, _| {
        viewer
            .parse()
            .is_ok_and(|id| roster.find(&id).is_some_and(|node| node.state.is_live()))
    });
    Ok(views)
}

/// A node that was removed speaks of nobody but itself: what the others last said is of no use any more.
fn of_removed(agent: &Agent, roster: &Roster) -> BTreeMap<String, View> {
    let now = agent.clock.now();
    let me = agent.identity().ok().and_then(|me| roster.find(&me.node_id));
    let view = |node: &Member| View {
        cluster_summary: [(node.id.to_string(), removed(node, now))].into(),
        last_updated: now.to_utc().unwrap_or_default(),
        stable_time: None,
    };
    me.into_iter().map(|node| (node.id.to_string(), view(node))).collect()
}
