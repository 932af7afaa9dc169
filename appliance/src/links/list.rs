//! What users see of this node's links: `GET /v1/cluster/links`.

use keystead::api::links::{LinkPart, NodeLinks};
use keystead::member::parts::{self, Present};
use keystead::{Error, Result};
use sql::Connection;

use super::revoked;
use crate::agent::{Agent, Standing};

/// The links to every node that has any part here or should have; none when this node is in no cluster.
pub(crate) async fn list(agent: &Agent) -> Result<Vec<NodeLinks>> {
    if !matches!(agent.standing(), Standing::Member | Standing::Fenced) {
        return Ok(Vec::new());
    }
    let me = agent.identity()?.node_id;
    let db = agent.db().await?;
    let roster = sql::node::all(&db).await?;
    let me = roster
        .find(&me)
        .ok_or_else(|| Error::unavailable("this node is not in its own list of nodes"))?;
    let present = present(agent, &db).await?;
    let signed = sql::ticket::guests(&*agent.local.get().await?).await?;
    let mut list = Vec::new();
    for peer in roster.nodes.iter().filter(|node| node.id != me.id) {
        let parts = parts::of_member(peer, me, &present);
        let (id, host) = (peer.id.to_string(), peer.address.host.clone());
        list.push(entry(agent, (id, host), peer.state.as_str(), parts));
    }
    for guest in parts::guests(&signed, &roster) {
        let parts = parts::of_guest(guest, &present);
        list.push(entry(agent, (guest.to_string(), String::new()), "signed", parts));
    }
    Ok(list)
}

fn entry(agent: &Agent, (node_id, host): (String, String), state: &str, mut parts: Vec<LinkPart>) -> NodeLinks {
    agent.deeds.recall(&mut parts);
    NodeLinks {
        node_id,
        host,
        state: state.to_owned(),
        complete: parts
            .iter()
            .all(|part| part.exists == part.should_exist && part.note.is_none()),
        parts,
    }
}

async fn present(agent: &Agent, db: &Connection) -> Result<Present> {
    let access = agent.postgres.access()?;
    Ok(Present {
        actual: sql::link::actual(db).await?,
        hba: access.hba,
        ident: access.ident,
        revoked: revoked::installed(agent),
    })
}
