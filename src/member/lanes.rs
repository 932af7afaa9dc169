//! In how many lanes nodes send, and which subscriptions a node must have for it.
//!
//! Pure: `appliance/src/links/lanes.rs` looks, asks this file, and acts. A node sends in as many lanes as the cluster is set
//! to, once all its readers have a slot for each; a reader takes a lane as long as its heartbeats tell of it.

use std::collections::BTreeMap;

use super::links::Actual;
use super::roster::{Member, Roster};
use crate::error::{Error, Result};
use crate::id::NodeNumber;
use crate::replication::names;

/// The name of the cluster's property.
pub const PROPERTY: &str = "lanes";

/// The most lanes.
pub const MOST: i32 = 4;

/// Checks a new value of the property.
///
/// # Errors
/// Anything but 1 to 4.
pub fn may_set(lanes: Option<i32>) -> Result<i32> {
    lanes
        .filter(|lanes| (1..=MOST).contains(lanes))
        .ok_or_else(|| Error::invalid_param(format!("lanes is a number from 1 to {MOST}")))
}

/// What decides about lanes.
#[derive(Debug, Clone, Default)]
pub struct Lanes {
    /// How many the cluster is set to.
    pub wanted: i32,
    /// How many each node sends in, by what has come of it.
    pub told: BTreeMap<NodeNumber, i32>,
}

impl Lanes {
    /// How many lanes are to be taken from a node.
    pub fn from(&self, node: NodeNumber) -> i32 {
        self.wanted.max(self.told.get(&node).copied().unwrap_or(1)).min(MOST)
    }
}

/// One thing to do about a lane of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// Ask the peer to keep it, and take it.
    Take(&'a Member, i32),
    /// Everything in it has come, and it is sent in no more: let the peer drop its slot, and take it no more.
    End(&'a Member, i32),
}

/// What is to be done about the lanes from all members. Those of a link that has lost something, or that is not there, are
/// left alone, and all while the disk is full.
pub fn changes<'a>(roster: &'a Roster, me: &'a Member, lanes: &Lanes, actual: &Actual) -> Vec<Change<'a>> {
    if actual.is_full {
        return Vec::new();
    }
    let is_whole = |peer: &&Member| {
        let is_taken = actual.subscriptions.contains_key(&names::link(peer.number, me.number));
        is_taken && !actual.resyncing.contains(&peer.number)
    };
    let peers = roster.ready_peers(&me.id).filter(is_whole);
    peers.flat_map(|peer| changes_of(peer, me, lanes, actual)).collect()
}

/// The same for one member.
pub fn changes_of<'a>(peer: &'a Member, me: &Member, lanes: &Lanes, actual: &Actual) -> Vec<Change<'a>> {
    let wanted = lanes.from(peer.number);
    let taken = |lane: i32| actual.lanes.get(&names::lane(peer.number, me.number, lane)).copied();
    let take = (1..wanted).filter(|lane| taken(*lane) != Some(true));
    let end = (wanted..MOST).filter(|lane| taken(*lane).is_some());
    take.map(|lane| Change::Take(peer, lane))
        .chain(end.map(|lane| Change::End(peer, lane)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::join::request::Address;
    use crate::join::stage::Stage;
    use crate::member::roster::NodeState;

    const ME: NodeNumber = NodeNumber(1);

    fn roster(states: &[NodeState]) -> Roster {
        let node = |(n, state): (i32, &NodeState)| Member {
            id: format!("{n:032x}").parse().unwrap(),
            number: NodeNumber(n),
            address: Address {
                host: format!("h{n}"),
                port: 5432,
            },
            public_address: String::new(),
            state: *state,
            stage: Stage::Creating,
            serial: String::new(),
            row_version: 1,
        };
        Roster {
            nodes: (1..).zip(states).map(node).collect(),
        }
    }

    /// Linked to every other node, in one lane.
    fn linked(roster: &Roster) -> Actual {
        let links = roster.nodes.iter().map(|node| (names::link(node.number, ME), true));
        Actual {
            subscriptions: links.collect(),
            ..Actual::default()
        }
    }

    fn set_to(wanted: i32) -> Lanes {
        Lanes {
            wanted,
            told: BTreeMap::new(),
        }
    }

    fn taken(actual: &mut Actual, from: i32, lane: i32, enabled: bool) {
        actual.lanes.insert(names::lane(NodeNumber(from), ME, lane), enabled);
    }

    #[test]
    fn every_lane_is_taken_from_every_member_and_once_is_enough() {
        let roster = roster(&[NodeState::Ready, NodeState::Ready, NodeState::Joining]);
        let (me, peer) = (&roster.nodes[0], &roster.nodes[1]);
        let mut actual = linked(&roster);
        let list = changes(&roster, me, &set_to(3), &actual);
        assert_eq!(list, [Change::Take(peer, 1), Change::Take(peer, 2)]);
        taken(&mut actual, 2, 1, true);
        taken(&mut actual, 2, 2, false);
        assert_eq!(changes(&roster, me, &set_to(3), &actual), [Change::Take(peer, 2)]);
        taken(&mut actual, 2, 2, true);
        assert!(changes(&roster, me, &set_to(3), &actual).is_empty());
    }

    #[test]
    fn a_lane_ends_when_its_node_tells_that_it_sends_in_it_no_more() {
        let roster = roster(&[NodeState::Ready, NodeState::Ready]);
        let (me, peer) = (&roster.nodes[0], &roster.nodes[1]);
        let mut actual = linked(&roster);
        taken(&mut actual, 2, 1, true);
        let mut lanes = set_to(1);
        lanes.told.insert(NodeNumber(2), 2);
        assert!(changes(&roster, me, &lanes, &actual).is_empty());
        lanes.told.insert(NodeNumber(2), 1);
        assert_eq!(changes(&roster, me, &lanes, &actual), [Change::End(peer, 1)]);
        actual.lanes.clear();
        assert!(changes(&roster, me, &lanes, &actual).is_empty());
    }

    #[test]
    fn a_node_that_sends_in_more_lanes_than_are_wanted_is_listened_to_in_all() {
        let roster = roster(&[NodeState::Ready, NodeState::Ready]);
        let mut lanes = set_to(1);
        lanes.told.insert(NodeNumber(2), 2);
        let list = changes(&roster, &roster.nodes[0], &lanes, &linked(&roster));
        assert_eq!(list, [Change::Take(&roster.nodes[1], 1)]);
    }

    #[test]
    fn nothing_is_taken_on_a_full_disk_or_while_the_link_is_mended_or_not_there() {
        let roster = roster(&[NodeState::Ready, NodeState::Ready]);
        let me = &roster.nodes[0];
        let full = Actual {
            is_full: true,
            ..linked(&roster)
        };
        let lost = Actual {
            resyncing: [NodeNumber(2)].into(),
            ..linked(&roster)
        };
        for actual in [full, lost, Actual::default()] {
            assert!(changes(&roster, me, &set_to(2), &actual).is_empty());
        }
    }

    #[test]
    fn there_are_one_to_four_lanes() {
        assert_eq!(may_set(Some(1)).unwrap(), 1);
        assert_eq!(may_set(Some(MOST)).unwrap(), MOST);
        for wrong in [None, Some(0), Some(5), Some(-1)] {
            assert!(may_set(wrong).is_err(), "{wrong:?}");
        }
    }
}
