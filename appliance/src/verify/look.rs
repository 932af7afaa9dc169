//! One look at all other members, one after the other.

use keystead::Result;
use keystead::member::roster::Member;
use sql::Peer;

use super::compare::{self, Found};
use crate::agent::Agent;
use crate::peers::Target;

/// What comparing with a member found, or why it could not be compared.
pub(super) struct Looked {
    pub(super) member: Member,
    pub(super) found: Result<Found>,
}

/// Compares this node with every other member.
pub(super) async fn at_all(agent: &Agent) -> Result<Vec<Looked>> {
    let me = agent.identity()?.node_id;
    let roster = sql::node::all(&*agent.db().await?).await?;
    let mut looked = Vec::new();
    for member in roster.ready_peers(&me) {
        looked.push(Looked {
            member: member.clone(),
            found: at(agent, member).await,
        });
    }
    Ok(looked)
}

/// Compares this node with one member.
pub(super) async fn at(agent: &Agent, member: &Member) -> Result<Found> {
    let theirs = reach(agent, member).await?;
    let ours = agent.db().await?;
    compare::compare(agent, &ours, &theirs).await
}

/// A connection to a member.
pub(super) async fn reach(agent: &Agent, member: &Member) -> Result<Peer> {
    let me = agent.identity()?.node_id;
    agent.peers.connect(&me, &Target::of(member)).await
}
