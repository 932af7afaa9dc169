//! The membership lease: asked of every member at once, held when a majority grants it.
//!
//! What a majority is and what its absence means: `keystead::member::lease`. The lease also carries the highest node
//! number given so far, so that no number is given twice.

use futures_util::future::join_all;
use keystead::member::lease::{Votes, decide, majority};
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
    /// How many members are a majority.
    needed: usize,
    /// The highest node number that any member knows of.
    highest: NodeNumber,
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
    // A number that was set aside long ago and has no node belongs to a join that never was.
    let is_fresh = grants().any(|grant| grant.is_fresh);
    let unheard_of = is_fresh && roster.nodes.iter().all(|node| node.number < highest);
    let lease = Lease {
        holder,
        here,
        peers: answers.into_iter().map(|(peer, _)| peer).collect(),
        needed: majority(members.len()),
        highest,
    };
    let refused = decided.err().or_else(|| unheard_of.then(|| not_yet_heard_of(highest)));
    match refused {
        None => Ok(lease),
        Some(refused) => {
            lease.end().await;
            Err(refused)
        }
    }
}

fn not_yet_heard_of(number: NodeNumber) -> Error {
    Error::consensus_down(format!("this node has not yet heard of node number {number}"))
        .with_hint("try again in a few seconds")
}

async fn ask(agent: &Agent, me: &NodeId, node: &Member, holder: &str) -> Option<(Connection, Grant)> {
    let peer = connect::connect(agent.postgres.paths(), me, &node.address).await.ok()?;
    let grant = sql::lease::grant(&peer, holder, SECONDS).await.ok()?;
    Some((peer, grant))
}

impl Lease {
    /// The next node number, set aside with a majority before it is used: whatever becomes of this node, no other lease
    /// gives it again.
    pub(super) async fn next_number(&self) -> Result<NodeNumber> {
        let number = NodeNumber(self.highest.0 + 1);
        let reserve = async |member: &Connection| sql::lease::reserve(member, &self.holder, number).await;
        let answers = join_all(self.peers.iter().map(reserve)).await;
        let here = reserve(&self.here).await;
        let reserved = answers
            .iter()
            .chain([&here])
            .filter(|answer| matches!(answer, Ok(true)))
            .count();
        if reserved >= self.needed {
            return Ok(number);
        }
        Err(Error::consensus_down("the membership lease was lost before it was used").with_hint("try again"))
    }

    /// Gives the lease back to every member that can be told; from the others it lapses by itself.
    pub(super) async fn end(self) {
        let end = async |member: &Connection| sql::lease::end(member, &self.holder).await;
        let told = join_all(self.peers.iter().map(end)).await;
        let here = end(&self.here).await;
        if told.iter().chain([&here]).any(Result::is_err) {
            tracing::info!("a member could not be told of the end of the membership lease; it ends by itself");
        }
    }
}
