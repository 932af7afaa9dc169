//! The members as this node sees them: `GET` and `PATCH /v1/nodes…`.

use std::sync::Arc;

use keystead::api::node::Node;
use keystead::member::roster::{Member, NodeState};
use keystead::member::status::NodeStatus;
use keystead::summary::{self, LinkFacts};
use keystead::{Error, NodeId, Result};

use super::own_status;
use crate::agent::{Agent, Standing};
use crate::view;

/// Every node that is in the cluster or on its way in or out; none when this node is in no cluster.
pub(crate) async fn nodes(agent: &Arc<Agent>) -> Result<Vec<Node>> {
    if !matches!(
        agent.standing(),
        Standing::Member | Standing::Fenced | Standing::Removed
    ) {
        return Ok(Vec::new());
    }
    let me = agent.identity()?.node_id;
    let db = agent.db().await?;
    let roster = sql::node::all(&db).await?;
    let status = own_status(agent, &db).await?;
    let facts = view::facts(agent, &db, &roster).await?;
    let mut running = sql::version::all(&db).await?;
    let (now, unseen) = (agent.clock.now(), LinkFacts::default());
    let listed = roster.nodes.iter().filter(|node| node.state.is_linked());
    let shown = listed.map(|node| {
        let shown = if node.id == me {
            Node {
                is_this_node: true,
                ..shape(node, status.clone())
            }
        } else {
            let status = match node.state {
                NodeState::Joining => NodeStatus::joining(node.stage, roster.place(&node.id)),
                _ => summary::status(node, facts.get(&node.number).unwrap_or(&unseen), now),
            };
            Node {
                state: facts.get(&node.number).and_then(|link| link.state.clone()),
                ..shape(node, status)
            }
        };
        let version = running.remove(&node.number).map(|said| said.version);
        Node { version, ..shown }
    });
    Ok(shown.collect())
}

fn shape(node: &Member, status: NodeStatus) -> Node {
    Node {
        node_id: node.id.clone(),
        id: node.id.clone(),
        status: status.into(),
        host: node.address.host.clone(),
        port: node.address.port,
        state: None,
        is_this_node: false,
        public_address: node.public_address.clone(),
        version: None,
        row_version: node.row_version,
    }
}

/// Changes where users reach a node; the node as it is then.
pub(crate) async fn set_public_address(agent: &Arc<Agent>, id: &NodeId, address: String) -> Result<Node> {
    super::must_be_member(agent)?;
    let gone = || Error::not_found(format_args!("no node {id} in this cluster"));
    if !sql::node::set_public_address(&*agent.db().await?, id, &address).await? {
        return Err(gone());
    }
    nodes(agent)
        .await?
        .into_iter()
        .find(|node| node.node_id == *id)
        .ok_or_else(gone)
}
