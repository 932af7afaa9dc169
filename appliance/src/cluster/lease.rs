//! The membership lease: asked of every member at once, held when a majority grants it.
//!
//! What a majority is and what its absence means: `keystead::member::lease`. The lease also carries the highest node
//! number given so far, so that no number is given twice.

use futures_util::future::join_all;
use keystead::member::lease::{Votes, decide};
use keystead::member::roster::{Member, Roster};
use keystead::{Error, NodeId, NodeNumber, Result};
use sql::lease::Grant;
use sql::{Connection, Pooled};

use super::random_id;
use crate::agent::Agent;
use crate::peers::connect;

/// Long enough for one change of members; a holder that dies holds others up no longer than this.
const SECONDS: i32 = 30;

/// A lease that is held.
pub(super) struct Lease {
    holder: String,
    here: Pooled,
    peers: Vec<Connection>,
    /// The highest node number that any member knows of.
    pub(super) highest: NodeNumber,
}

/// Takes the lease over the members of `roster`, `except` one that is being removed.
///
/// # Errors
/// [`keystead::Kind::ConsensusDown`] when no majority grants it, or when this node has not yet heard of the newest member.
pub(super) async fn take(agent: &Agent, roster: &Roster, except: Option<&NodeId>) -> Result<Lease> {
    let me = agent.identity()?.node_id;
    let members: Vec<&Member> = roster.ready().filter(|node| Some(&node.id) != except).collect();
    let holder = random_id();
    let here = agent.db().await?;
    let own = sql::lease::grant(&here, &holder, SECONDS).await?;
    let asked = members
        .iter()
        .filter(|node| node.id != me)
        .map(|node| ask(agent, &me, node, &holder));
    let answers: Vec<(Connection, Grant)> = join_all(asked).await.into_iter().flatten().collect();

    let grants = || answers.iter().map(|(_, grant)| grant).chain([&own]);
    let granted = grants().filter(|grant| grant.granted).count();
    let decided = decide(Votes {
        members: members.len(),
        granted,
        busy: grants().count() - granted,
    });
    let highest = grants().map(|grant| grant.highest).max().unwrap_or(own.highest);
    let lease = Lease {
        holder,
        here,
        peers: answers.into_iter().map(|(peer, _)| peer).collect(),
        highest,
    };
    if let Err(refused) = decided {
        lease.end(NodeNumber(0)).await;
        return Err(refused);
    }
    if roster.nodes.iter().all(|node| node.number < highest) {
        lease.end(NodeNumber(0)).await;
        return Err(
            Error::consensus_down(format!("this node has not yet heard of node number {highest}"))
                .with_hint("try again in a few seconds"),
        );
    }
    Ok(lease)
}

async fn ask(agent: &Agent, me: &NodeId, node: &Member, holder: &str) -> Option<(Connection, Grant)> {
    let peer = connect::connect(agent.postgres.paths(), me, &node.address).await.ok()?;
    let grant = sql::lease::grant(&peer, holder, SECONDS).await.ok()?;
    Some((peer, grant))
}

impl Lease {
    /// Gives the lease back, leaving the number given under it (0 for none) with every member that can be told.
    pub(super) async fn end(self, given: NodeNumber) {
        let end = async |member: &Connection| sql::lease::end(member, &self.holder, given).await;
        let told = join_all(self.peers.iter().map(end)).await;
        let here = end(&self.here).await;
        if told.iter().chain([&here]).any(Result::is_err) {
            tracing::info!("a member could not be told of the end of the membership lease; it ends by itself");
        }
    }
}
