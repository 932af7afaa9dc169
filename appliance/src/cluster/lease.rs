//! The membership lease: asked of every member at once, held when a majority grants it.
//!
//! What a majority is and what its absence means: `keystead::member::lease`. The lease also carries the highest node
//! number given so far, so that no number is given twice.

use std::time::Duration;

use futures_util::future::join_all;
use keystead::member::lease::{Votes, decide, majority, majority_for_removal};
use keystead::member::roster::{Member, Roster};
use keystead::{Error, NodeId, NodeNumber, Result};
use sql::lease::Grant;
use sql::{Connection, Pooled};
use tokio::time::Instant;

use super::random_id;
use crate::agent::Agent;
use crate::peers::connect;

/// Long enough for one change of members; a holder that dies holds others up no longer than this.
const SECONDS: i32 = 30;

/// How long to wait for one's turn. Well within the time that a call may take, of users and of other nodes.
const TURN: Duration = Duration::from_secs(8);

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

/// Takes the lease of the members of `roster`; with `except` to remove that node, which has no vote. While somebody else
/// has it, waits a moment: changes of members come one after another.
///
/// # Errors
/// [`keystead::Kind::ConsensusDown`] when no majority grants it, or when this node has not yet heard of the newest member.
pub(super) async fn take(agent: &Agent, roster: &Roster, except: Option<&NodeId>) -> Result<Lease> {
    let end = Instant::now() + TURN;
    loop {
        match try_to_take(agent, roster, except).await? {
            Taken::Held(lease) => return Ok(lease),
            Taken::Busy(refused) if Instant::now() > end => return Err(refused),
            Taken::Busy(_) => tokio::time::sleep(pause()).await,
        }
    }
}

/// Of different length for everybody, or two would go on being in each other's way.
fn pause() -> Duration {
    let random = uuid::Uuid::new_v4().as_u128() % 400;
    Duration::from_millis(100 + u64::try_from(random).unwrap_or_default())
}

/// What an attempt came to.
enum Taken {
    Held(Lease),
    /// Somebody else has it.
    Busy(Error),
}

async fn try_to_take(agent: &Agent, roster: &Roster, except: Option<&NodeId>) -> Result<Taken> {
    let me = agent.identity()?.node_id;
    let voters = Voters::of(roster, except);
    let holder = random_id();
    let here = agent.db().await?;
    let own = sql::lease::grant(&here, &holder, SECONDS).await?;
    let asked = voters
        .asked
        .iter()
        .filter(|node| node.id != me)
        .map(|node| ask(agent, &me, node, &holder));
    let answers: Vec<Answer> = join_all(asked).await.into_iter().flatten().collect();
    let votes = voters.count(own, &answers, except);
    let grants = || answers.iter().map(|answer| answer.grant).chain([own]);
    let highest = grants().map(|grant| grant.highest).max().unwrap_or(own.highest);
    // A number that was set aside long ago and has no node belongs to a join that never was.
    let is_fresh = grants().any(|grant| grant.is_fresh);
    let unheard_of = is_fresh && roster.nodes.iter().all(|node| node.number < highest);
    let lease = Lease {
        holder,
        here,
        peers: answers.into_iter().map(|answer| answer.peer).collect(),
        needed: votes.needed,
        highest,
    };
    let refused = decide(votes)
        .err()
        .or_else(|| unheard_of.then(|| not_yet_heard_of(highest)));
    match refused {
        None => Ok(Taken::Held(lease)),
        Some(refused) => {
            lease.end().await;
            let is_busy = votes.busy > 0 || votes.vetoed;
            if is_busy {
                Ok(Taken::Busy(refused))
            } else {
                Err(refused)
            }
        }
    }
}

/// Whose votes count.
struct Voters<'a> {
    /// All members.
    members: usize,
    needed: usize,
    /// Those that are asked.
    asked: Vec<&'a Member>,
}

impl<'a> Voters<'a> {
    fn of(roster: &'a Roster, except: Option<&NodeId>) -> Self {
        let members = roster.ready().count();
        let removes_member = roster.ready().any(|node| Some(&node.id) == except);
        let needed = if removes_member {
            majority_for_removal(members)
        } else {
            majority(members)
        };
        // The other one of two is asked though it has no vote: it may be removing this node.
        let is_asked = |node: &&Member| Some(&node.id) != except || members == 2;
        Self {
            members,
            needed,
            asked: roster.ready().filter(is_asked).collect(),
        }
    }

    fn count(&self, own: Grant, answers: &[Answer], except: Option<&NodeId>) -> Votes {
        let voting = |answer: &&Answer| Some(&answer.from) != except;
        let grants = || answers.iter().filter(voting).map(|answer| answer.grant).chain([own]);
        let granted = grants().filter(|grant| grant.granted).count();
        Votes {
            members: self.members,
            needed: self.needed,
            granted,
            busy: grants().count() - granted,
            vetoed: answers.iter().any(|answer| !voting(&answer) && !answer.grant.granted),
        }
    }
}

/// What one member answered.
struct Answer {
    from: NodeId,
    peer: Connection,
    grant: Grant,
}

fn not_yet_heard_of(number: NodeNumber) -> Error {
    Error::consensus_down(format!("this node has not yet heard of node number {number}"))
        .with_hint("try again in a few seconds")
}

async fn ask(agent: &Agent, me: &NodeId, node: &Member, holder: &str) -> Option<Answer> {
    let peer = connect::connect(agent.postgres.paths(), me, &node.address).await.ok()?;
    let grant = sql::lease::grant(&peer, holder, SECONDS).await.ok()?;
    Some(Answer {
        from: node.id.clone(),
        peer,
        grant,
    })
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
