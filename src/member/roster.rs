//! Who is in the cluster: the rows of the `node` table and what can be read off them.
//!
//! Next: `sql/src/node.rs` reads and writes the rows.

use serde::{Deserialize, Serialize};

use crate::id::{NodeId, NodeNumber};
use crate::join::request::Address;
use crate::join::stage::Stage;

/// Where a node stands. Ordered: merging two rows keeps the greater, so a removed node can never come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Recorded by a member; links to it are being made.
    Joining,
    /// A member.
    Ready,
    /// Its removal was decided and is being carried out.
    Removing,
    /// Gone for ever. The machine may join again under a new id.
    Removed,
}

impl NodeState {
    /// All states, in order.
    pub const ALL: [Self; 4] = [Self::Joining, Self::Ready, Self::Removing, Self::Removed];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Ready => "ready",
            Self::Removing => "removing",
            Self::Removed => "removed",
        }
    }

    /// The state with this name in the database.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Is the node in, or on its way in?
    pub fn is_live(self) -> bool {
        matches!(self, Self::Joining | Self::Ready)
    }

    /// Does the node still get our changes? One that is being removed does, so that it learns of it.
    pub fn is_linked(self) -> bool {
        self != Self::Removed
    }
}

/// One row of the `node` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub id: NodeId,
    /// Its number.
    pub number: NodeNumber,
    /// Where other nodes reach it.
    pub address: Address,
    /// Where users reach it; `""` when not set.
    pub public_address: String,
    /// Where it stands.
    pub state: NodeState,
    /// How far its join is, while it joins.
    pub stage: Stage,
    /// The serial number of its certificate in hexadecimal, for the revocation list.
    pub serial: String,
    /// The version of the row.
    pub row_version: i64,
}

/// All rows of the `node` table, seen from one node.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    /// Every node that ever was, by number.
    pub nodes: Vec<Member>,
}

impl Roster {
    /// The nodes that are in or on their way in.
    pub fn live(&self) -> impl Iterator<Item = &Member> {
        self.nodes.iter().filter(|node| node.state.is_live())
    }

    /// The members.
    pub fn ready(&self) -> impl Iterator<Item = &Member> {
        self.nodes.iter().filter(|node| node.state == NodeState::Ready)
    }

    /// The nodes other than `me` that links lead to.
    pub fn peers<'a>(&'a self, me: &'a NodeId) -> impl Iterator<Item = &'a Member> {
        self.nodes
            .iter()
            .filter(move |node| node.state.is_linked() && node.id != *me)
    }

    /// The members other than `me`.
    pub fn ready_peers<'a>(&'a self, me: &'a NodeId) -> impl Iterator<Item = &'a Member> {
        self.ready().filter(move |node| node.id != *me)
    }

    /// The node with this id.
    pub fn find(&self, id: &NodeId) -> Option<&Member> {
        self.nodes.iter().find(|node| node.id == *id)
    }

    /// The place of a node among those that join, by the order in which they were recorded: 1 is the one whose turn it is.
    /// `None` when it does not join.
    pub fn place(&self, id: &NodeId) -> Option<usize> {
        let node = self.find(id).filter(|node| node.state == NodeState::Joining)?;
        let joining = self.nodes.iter().filter(|other| other.state == NodeState::Joining);
        Some(joining.filter(|other| other.number <= node.number).count())
    }

    /// Takes in what another member knows: nodes that are unknown here, and states that are further.
    pub fn learn(&mut self, other: Self) {
        for theirs in other.nodes {
            match self.nodes.iter_mut().find(|node| node.id == theirs.id) {
                Some(ours) => ours.state = ours.state.max(theirs.state),
                None => self.nodes.push(theirs),
            }
        }
        self.nodes.sort_by_key(|node| node.number);
    }

    /// The number that every node has.
    pub fn numbers(&self) -> impl Iterator<Item = NodeNumber> {
        self.nodes.iter().map(|node| node.number)
    }

    /// How many members there are: what `nodeCount` says.
    pub fn node_count(&self) -> u64 {
        self.ready().count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(n: i32, state: NodeState) -> Member {
        Member {
            id: format!("{n:032x}").parse().unwrap(),
            number: NodeNumber(n),
            address: Address {
                host: format!("h{n}"),
                port: 5432,
            },
            public_address: String::new(),
            state,
            stage: Stage::Creating,
            serial: String::new(),
            row_version: 1,
        }
    }

    fn roster(nodes: &[(i32, NodeState)]) -> Roster {
        Roster {
            nodes: nodes.iter().map(|(n, state)| node(*n, *state)).collect(),
        }
    }

    #[test]
    fn nodes_join_in_the_order_in_which_they_were_recorded() {
        use NodeState::{Joining, Ready, Removed};
        let all = roster(&[(5, Joining), (1, Ready), (3, Removed), (4, Joining), (6, Joining)]);
        let places: Vec<_> = all.nodes.iter().map(|node| all.place(&node.id)).collect();
        assert_eq!(places, [Some(2), None, None, Some(1), Some(3)]);
    }

    #[test]
    fn what_another_member_knows_adds_nodes_and_never_takes_a_state_back() {
        use NodeState::{Joining, Ready, Removed};
        let mut ours = roster(&[(1, Ready), (2, Removed), (3, Joining)]);
        ours.learn(roster(&[(2, Ready), (3, Ready), (4, Joining)]));
        let states: Vec<_> = ours.nodes.iter().map(|node| (node.number.0, node.state)).collect();
        assert_eq!(states, [(1, Ready), (2, Removed), (3, Ready), (4, Joining)]);
        assert_eq!(ours.numbers().max(), Some(NodeNumber(4)));
    }

    #[test]
    fn states_only_rise_and_removed_is_the_top() {
        let names = NodeState::ALL.map(NodeState::as_str);
        assert_eq!(names, ["joining", "ready", "removing", "removed"]);
        assert!(NodeState::ALL.is_sorted());
        for state in NodeState::ALL {
            assert_eq!(NodeState::from_name(state.as_str()), Some(state));
        }
    }
}
