//! The parts that the links to one node are made of: which must be there, which are, and what a repair does to them.
//!
//! Pure, as [`super::links`], whose repairs these are the words for. `appliance/src/links/list.rs` shows them.

use std::collections::BTreeSet;

use super::links::{Actual, Repair};
use super::roster::{Member, NodeState, Roster};
use crate::api::links::{LinkPart, Part};
use crate::id::NodeId;
use crate::replication::names;

/// What exists on this node now: in its database, and in its files.
#[derive(Debug, Clone, Default)]
pub struct Present {
    /// In the database.
    pub actual: Actual,
    /// Roles with a line in `pg_hba.conf`.
    pub hba: BTreeSet<String>,
    /// Roles with a line in `pg_ident.conf`.
    pub ident: BTreeSet<String>,
    /// Serial numbers on the revocation list.
    pub revoked: BTreeSet<String>,
}

/// The parts of the links between the node `me` and `peer`. Of a node that is gone, those that are left of it and its
/// place on the revocation list.
pub fn of_member(peer: &Member, me: &Member, present: &Present) -> Vec<LinkPart> {
    let is_linked = peer.state.is_linked();
    let mut parts = login(&peer.id, is_linked, present).to_vec();
    parts.push(slot(peer, me, present));
    parts.push(subscription(peer, me, present));
    parts.extend(other_lanes(peer, me, present));
    parts.push(LinkPart {
        should_exist: peer.state == NodeState::Removed,
        exists: present.revoked.contains(&peer.serial),
        ..part(Part::Revocation, peer.serial.clone())
    });
    if !is_linked {
        parts.retain(|part| part.should_exist || part.exists);
    }
    parts
}

/// The parts of a node that was signed and has not joined: it may log in, nothing else.
pub fn of_guest(guest: &NodeId, present: &Present) -> Vec<LinkPart> {
    let mut parts = login(guest, true, present);
    if let Some(role) = parts.first_mut() {
        role.note = None;
    }
    parts.to_vec()
}

/// The signed nodes that are not recorded.
pub fn guests<'a>(guests: &'a [NodeId], roster: &Roster) -> impl Iterator<Item = &'a NodeId> {
    guests.iter().filter(|guest| roster.find(guest).is_none())
}

fn login(id: &NodeId, should_exist: bool, present: &Present) -> [LinkPart; 3] {
    let role = names::role(id);
    let is_admitted = present.actual.roles.get(&role).copied();
    let guest = is_admitted == Some(false) && should_exist;
    let lines = |part_is: Part, lines: &BTreeSet<String>| LinkPart {
        should_exist,
        exists: lines.contains(&role),
        ..part(part_is, role.clone())
    };
    [
        LinkPart {
            should_exist,
            exists: is_admitted.is_some(),
            note: guest.then(|| "it has the rights of a guest, not those of a peer".to_owned()),
            ..part(Part::Role, role.clone())
        },
        lines(Part::Hba, &present.hba),
        lines(Part::Ident, &present.ident),
    ]
}

/// Made by its reader, also anew when it was lost.
fn slot(peer: &Member, me: &Member, present: &Present) -> LinkPart {
    let name = names::link(me.number, peer.number);
    let exists = present.actual.slots.contains(&name);
    let (should_exist, note) = match peer.state {
        NodeState::Joining => (exists, Some("its join makes it")),
        NodeState::Removed => (false, None),
        NodeState::Ready | NodeState::Removing if exists => (true, None),
        NodeState::Ready | NodeState::Removing => {
            (true, Some("the node makes it when it is up, and reads all rows anew"))
        }
    };
    LinkPart {
        should_exist,
        exists,
        note: note.map(str::to_owned),
        ..part(Part::Slot, name)
    }
}

fn subscription(peer: &Member, me: &Member, present: &Present) -> LinkPart {
    let name = names::link(peer.number, me.number);
    let enabled = present.actual.subscriptions.get(&name).copied();
    let note = if present.actual.resyncing.contains(&peer.number) {
        Some("something was lost: all rows of the node are read anew first")
    } else if enabled == Some(false) {
        Some("it is there and takes nothing")
    } else if peer.state == NodeState::Joining {
        Some("its join makes it")
    } else if present.actual.lazy.contains(&name) {
        Some("it confirms late, as it has much to catch up with")
    } else {
        None
    };
    LinkPart {
        should_exist: match peer.state {
            NodeState::Joining => enabled.is_some(),
            other => other == NodeState::Ready,
        },
        exists: enabled.is_some(),
        note: note.map(str::to_owned),
        ..part(Part::Subscription, name)
    }
}

/// Slots and subscriptions of lanes beside the first. How many there must be is settled by both sides, so those that are
/// there are told.
fn other_lanes(peer: &Member, me: &Member, present: &Present) -> Vec<LinkPart> {
    let (to, from) = (
        names::lanes(me.number, peer.number),
        names::lanes(peer.number, me.number),
    );
    let entry = |of: Part, name: &String, note: Option<&str>| LinkPart {
        should_exist: peer.state.is_linked(),
        exists: true,
        note: note.map(str::to_owned),
        ..part(of, name.clone())
    };
    let slots = present.actual.lane_slots.iter().filter(|name| name.starts_with(&to));
    let subscriptions = present.actual.lanes.iter().filter(|(name, _)| name.starts_with(&from));
    let takes_nothing = |enabled: bool| (!enabled).then_some("it is there and takes nothing");
    slots
        .map(|name| entry(Part::Slot, name, None))
        .chain(subscriptions.map(|(name, enabled)| entry(Part::Subscription, name, takes_nothing(*enabled))))
        .collect()
}

fn part(part: Part, name: String) -> LinkPart {
    LinkPart {
        part,
        name,
        should_exist: false,
        exists: false,
        note: None,
        last: None,
    }
}

/// What a repair does and why, in words. Access and revocation are told line by line: [`LET_IN`] and its like.
pub fn words(repair: &Repair) -> (&'static str, &'static str) {
    match repair {
        Repair::MakeRole(_) => ("made the role", "the node may log in and had none"),
        Repair::Admit(_) => (
            "gave it the rights of a peer",
            "the node was recorded, and was a guest before",
        ),
        Repair::SetAccess(_) => LET_IN,
        Repair::Revoke(_) => REVOKED,
        Repair::EndSessions(_) => ("ended its sessions", "the node may log in no more"),
        Repair::Subscribe(_) => (
            "made the subscription",
            "the node is a member, and nothing was taken from it",
        ),
        Repair::ConfirmAtOnce(_) => ("let it confirm at once", "writers of the node may wait for it"),
        Repair::ConfirmLazily(_) => ("let it confirm late", "there is much to catch up with"),
        Repair::Reconnect(_) => (
            "let it connect in another way",
            "what it checks of the node has changed since it was made",
        ),
        Repair::Enable(_) => ("enabled it", "it was there and took nothing"),
        Repair::Pause(_) => ("disabled it", "this node's disk is full"),
        Repair::StopTaking(_) => ("disabled it", "the node is in the cluster no more"),
        Repair::DropSubscription(_) | Repair::DropSlot(_) => ("dropped it", "the node is in the cluster no more"),
        Repair::DropRole(_) => ("dropped the role", "the node may log in no more"),
    }
}

/// A line was written.
pub const LET_IN: (&str, &str) = ("wrote its line", "the node may log in");
/// A line was taken out.
pub const LOCKED_OUT: (&str, &str) = ("took its line out", "the node may log in no more");
/// A certificate was put on the revocation list.
pub const REVOKED: (&str, &str) = ("put its certificate on the list", "the node was removed");

/// Which part a repair is of, and its name; `None` for those that are told otherwise.
pub fn part_of(repair: &Repair) -> Option<(Part, &str)> {
    Some(match repair {
        Repair::MakeRole(role) | Repair::Admit(role) | Repair::EndSessions(role) | Repair::DropRole(role) => {
            (Part::Role, role)
        }
        Repair::ConfirmAtOnce(name)
        | Repair::ConfirmLazily(name)
        | Repair::Reconnect(name)
        | Repair::Enable(name)
        | Repair::Pause(name)
        | Repair::StopTaking(name)
        | Repair::DropSubscription(name) => (Part::Subscription, name),
        Repair::DropSlot(name) => (Part::Slot, name),
        Repair::SetAccess(_) | Repair::Revoke(_) | Repair::Subscribe(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::NodeNumber;
    use crate::join::request::Address;

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
            stage: crate::join::stage::Stage::Creating,
            serial: format!("0{n}"),
            row_version: 1,
        }
    }

    /// Everything of a link to node 2, seen from node 1.
    fn whole() -> Present {
        let role = names::role(&node(2, NodeState::Ready).id);
        Present {
            actual: Actual {
                roles: [(role.clone(), true)].into(),
                subscriptions: [("keystead_2_to_1".to_owned(), true)].into(),
                slots: ["keystead_1_to_2".to_owned()].into(),
                ..Actual::default()
            },
            hba: [role.clone()].into(),
            ident: [role].into(),
            revoked: BTreeSet::new(),
        }
    }

    /// The parts of node 2 that are not as they should be.
    fn wrong(state: NodeState, present: &Present) -> Vec<Part> {
        let parts = of_member(&node(2, state), &node(1, NodeState::Ready), present);
        let wrong = parts.into_iter().filter(|part| part.should_exist != part.exists);
        wrong.map(|part| part.part).collect()
    }

    #[test]
    fn lanes_that_are_there_are_told_and_must_go_with_the_node() {
        let mut present = whole();
        present.actual.lanes.insert("lane_2_to_1_1".to_owned(), false);
        present.actual.lane_slots.insert("lane_1_to_2_1".to_owned());
        present.actual.lane_slots.insert("lane_1_to_20_1".to_owned());
        let of = |state| of_member(&node(2, state), &node(1, NodeState::Ready), &present);
        let lanes = |parts: Vec<LinkPart>| -> Vec<(String, bool)> {
            let lanes = parts.into_iter().filter(|part| part.name.starts_with("lane_"));
            lanes.map(|part| (part.name, part.should_exist)).collect()
        };
        let named = |there| vec![("lane_1_to_2_1".to_owned(), there), ("lane_2_to_1_1".to_owned(), there)];
        assert_eq!(lanes(of(NodeState::Ready)), named(true));
        assert_eq!(lanes(of(NodeState::Removed)), named(false));
    }

    #[test]
    fn a_member_has_all_parts_and_is_not_revoked() {
        assert_eq!(wrong(NodeState::Ready, &whole()), []);
        let missing = wrong(NodeState::Ready, &Present::default());
        assert_eq!(
            missing,
            [Part::Role, Part::Hba, Part::Ident, Part::Slot, Part::Subscription]
        );
    }

    #[test]
    fn of_a_removed_node_nothing_stays_but_its_place_on_the_list() {
        let left = wrong(NodeState::Removed, &whole());
        assert_eq!(
            left,
            [
                Part::Role,
                Part::Hba,
                Part::Ident,
                Part::Slot,
                Part::Subscription,
                Part::Revocation
            ]
        );
        let gone = Present {
            revoked: ["02".to_owned()].into(),
            ..Present::default()
        };
        let parts = of_member(&node(2, NodeState::Removed), &node(1, NodeState::Ready), &gone);
        assert_eq!(parts.len(), 1);
        assert!(parts[0].exists && parts[0].should_exist);
    }

    #[test]
    fn a_joining_node_makes_its_own_slot_and_subscription_when_it_is_ready_for_them() {
        let mut present = whole();
        present.actual.slots.clear();
        present.actual.subscriptions.clear();
        assert_eq!(wrong(NodeState::Joining, &present), []);
    }

    #[test]
    fn what_is_there_and_does_not_work_is_said() {
        let mut present = whole();
        present.actual.subscriptions.insert("keystead_2_to_1".to_owned(), false);
        present.actual.roles.values_mut().for_each(|peer| *peer = false);
        let parts = of_member(&node(2, NodeState::Ready), &node(1, NodeState::Ready), &present);
        let noted: Vec<Part> = parts
            .iter()
            .filter(|part| part.note.is_some())
            .map(|part| part.part)
            .collect();
        assert_eq!(noted, [Part::Role, Part::Subscription]);
        assert!(
            of_guest(&node(2, NodeState::Ready).id, &present)
                .iter()
                .all(|part| part.note.is_none())
        );
    }
}
