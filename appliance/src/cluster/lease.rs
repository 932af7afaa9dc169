//! The membership lease: asked of every member at once, held when a majority grants it.
//!
//! What a majority is and what its absence means: `keystead::member::lease`. The lease also carries the highest node
//! number given so far, so that no number is given twice, and what they know of the nodes.

use std::time::Duration;

use futures_util::future::join_all;
use keystead::member::lease::{Votes, decide, majority, majority_for_removal};
use keystead::member::numbers;
use keystead::member::roster::{Member, Roster};
use keystead::{Error, Kind, NodeId, NodeNumber, Result};
use sql::lease::Grant;
use sql::{Peer, Pooled, Side};
use tokio::time::Instant;
use tokio_postgres::error::SqlState;

use super::random_id;
use crate::agent::Agent;
use crate::peers::Target;

/// Long enough for one change of members; a holder that dies holds others up no longer than this.
const SECONDS: i32 = 30;

/// How long to wait for one's turn. Well within the time that a call may take, of users and of other nodes.
const TURN: Duration = Duration::from_secs(8);

/// A lease that is held.
pub(super) struct Lease {
    holder: String,
    here: Pooled,
    peers: Vec<Peer>,
    /// How many members are a majority.
    needed: usize,
    /// The highest node number that any member knows of.
    highest: NodeNumber,
    /// What this node and those who granted it know of the nodes, put together.
    roster: Roster,
}

/// What one other member said.
struct Answer {
    id: NodeId,
    peer: Peer,
    grant: Grant,
    roster: Roster,
}

/// Takes the lease of the members of `roster`; with `except` to remove that node, which has no vote. While somebody else
/// has it, waits a moment: changes of members come one after another.
///
/// Whoever grants it says whom it knows: a majority always knows every node that was recorded, so nothing is decided on
/// what this node happens to have heard.
///
/// # Errors
/// [`keystead::Kind::ConsensusDown`] when no majority grants it.
pub(super) async fn take(agent: &Agent, roster: &Roster, except: Option<&NodeId>) -> Result<Lease> {
    let end = Instant::now() + TURN;
    loop {
        match try_to_take(agent, roster, except).await? {
            Taken::Held(lease) => return Ok(*lease),
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
    Held(Box<Lease>),
    /// Somebody else has it.
    Busy(Error),
}

async fn try_to_take(agent: &Agent, roster: &Roster, except: Option<&NodeId>) -> Result<Taken> {
    let me = agent.identity()?.node_id;
    let members = roster.ready().count();
    let holder = random_id();
    let here = agent.db().await?;
    let own = sql::lease::grant(&here, &holder, SECONDS).await?;
    // The other one of two is asked though it has no vote: it may be removing this node.
    let is_asked = |node: &&Member| Some(&node.id) != except || members == 2;
    let asked = roster
        .ready_peers(&me)
        .filter(is_asked)
        .map(|node| ask(agent, &me, node, &holder));
    let (mut answers, mut vetoed) = (Vec::new(), false);
    for asked in join_all(asked).await {
        match asked {
            Asked::Answered(answer) => answers.push(*answer),
            Asked::NotAdmitted(by) => vetoed |= Some(&by) == except,
            Asked::Silent => {}
        }
    }

    // After the grant, as at the others.
    let mut known = roster.clone();
    known.learn(sql::node::all(&here).await?);
    for answer in &answers {
        known.learn(answer.roster.clone());
    }
    let mut said = votes(&known, except, own, &answers);
    said.vetoed |= vetoed;
    let told = answers.iter().map(|answer| answer.grant.highest);
    let highest = numbers::highest(known.numbers().chain([own.highest]).chain(told));
    let lease = Lease {
        holder,
        here,
        needed: said.needed,
        highest,
        peers: answers.into_iter().map(|answer| answer.peer).collect(),
        roster: known,
    };
    match decide(said) {
        Ok(()) => Ok(Taken::Held(Box::new(lease))),
        Err(refused) => {
            lease.end().await;
            let is_busy = said.busy > 0 || said.vetoed;
            if is_busy {
                Ok(Taken::Busy(refused))
            } else {
                Err(refused)
            }
        }
    }
}

/// Only members count: one that was removed and has not heard of it grants what it has no say in.
fn votes(known: &Roster, except: Option<&NodeId>, own: Grant, answers: &[Answer]) -> Votes {
    let members: Vec<&NodeId> = known.ready().map(|node| &node.id).collect();
    let removes_member = except.is_some_and(|id| members.contains(&id));
    let needed = if removes_member {
        majority_for_removal(members.len())
    } else {
        majority(members.len())
    };
    let theirs = || answers.iter().filter(|answer| members.contains(&&answer.id));
    let has_vote = |answer: &&Answer| Some(&answer.id) != except;
    let grants: Vec<bool> = theirs()
        .filter(has_vote)
        .map(|answer| answer.grant.granted)
        .chain([own.granted])
        .collect();
    let granted = grants.iter().filter(|granted| **granted).count();
    Votes {
        members: members.len(),
        needed,
        granted,
        busy: grants.len() - granted,
        vetoed: theirs().any(|answer| !has_vote(&answer) && !answer.grant.granted),
    }
}

/// What became of the question to one member.
enum Asked {
    Answered(Box<Answer>),
    /// It does not take this node for a member.
    NotAdmitted(NodeId),
    Silent,
}

/// A member that stands still is waited for no longer than one that is down may take: other nodes wait for the lease.
async fn ask(agent: &Agent, me: &NodeId, node: &Member, holder: &str) -> Asked {
    let asking = ask_one(agent, me, node, holder);
    let questions = ("the membership lease", agent.peers.terms().look);
    let asked = agent.peers.together(&node.address, questions, asking).await;
    asked.unwrap_or(Asked::Silent)
}

async fn ask_one(agent: &Agent, me: &NodeId, node: &Member, holder: &str) -> Result<Asked> {
    let id = node.id.clone();
    let peer = match agent.peers.connect(me, &Target::of(node)).await {
        Err(refused) if refused.kind() == Kind::Unauthorized => return Ok(Asked::NotAdmitted(id)),
        peer => peer?,
    };
    // The roster after the grant: what was recorded under the lease before is in it.
    let asked = async {
        let grant = sql::lease::grant(&peer, holder, SECONDS).await?;
        Ok((grant, sql::node::all(&peer).await?))
    };
    match asked.await {
        Ok((grant, roster)) => Ok(Asked::Answered(Box::new(Answer {
            id,
            peer,
            grant,
            roster,
        }))),
        Err(error) if is_refusal(&error) => Ok(Asked::NotAdmitted(id)),
        Err(error) => Err(error.into()),
    }
}

fn is_refusal(error: &sql::Error) -> bool {
    error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
}

impl Lease {
    /// Every node that this node or a majority of the members knows of.
    pub(super) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Records a joining node with every member that granted the lease: whoever takes it next learns of the node.
    ///
    /// # Errors
    /// [`keystead::Kind::ConsensusDown`] when it was not a majority. Then the node is recorded again when it asks again.
    pub(super) async fn record(&self, node: &Member) -> Result<()> {
        let record = async |member: Side<'_>| sql::lease::record_node(member, &self.holder, node).await;
        // Here first: this node must know of it when the other one asks again.
        let here = record((&self.here).into()).await?;
        let answers = join_all(self.peers.iter().map(|peer| record(peer.into()))).await;
        let there = answers.iter().filter(|answer| matches!(answer, Ok(true))).count();
        self.must_be_held_by(there + usize::from(here))
    }

    fn must_be_held_by(&self, members: usize) -> Result<()> {
        if members >= self.needed {
            return Ok(());
        }
        Err(Error::consensus_down("the membership lease was lost before it was used").with_hint("try again"))
    }

    /// The next node number, set aside with a majority before it is used: whatever becomes of this node, no other lease
    /// gives it again.
    pub(super) async fn next_number(&self) -> Result<NodeNumber> {
        let number = self.highest.0.checked_add(1).map(NodeNumber).ok_or_else(|| {
            Error::consensus_down("no node number is left: a member says that the highest one was given").with_hint(
                "look at the numbers in `ksctl cluster info` of each member; one of them says what is not so",
            )
        })?;
        let reserve = async |member: Side<'_>| sql::lease::reserve(member, &self.holder, number).await;
        let answers = join_all(self.peers.iter().map(|peer| reserve(peer.into()))).await;
        let here = reserve((&self.here).into()).await;
        let reserved = answers
            .iter()
            .chain([&here])
            .filter(|answer| matches!(answer, Ok(true)))
            .count();
        self.must_be_held_by(reserved).map(|()| number)
    }

    /// Gives the lease back to every member that can be told; from the others it lapses by itself.
    pub(super) async fn end(self) {
        let end = async |member: Side<'_>| sql::lease::end(member, &self.holder).await;
        let told = join_all(self.peers.iter().map(|peer| end(peer.into()))).await;
        let here = end((&self.here).into()).await;
        if told.iter().chain([&here]).any(Result::is_err) {
            tracing::info!("a member could not be told of the end of the membership lease; it ends by itself");
        }
    }
}
