//! Which links a node must have: worked out from the `node` table, compared with what is there, as a list of repairs.
//!
//! Takes no history: the same tables give the same repairs, and doing them twice does no harm. The reconciler in
//! `appliance/src/links` looks, asks this file, and acts.

use std::collections::{BTreeMap, BTreeSet};

use super::roster::{Member, NodeState, Roster};
use crate::id::{NodeId, NodeNumber};
use crate::replication::names;

/// What exists on this node now.
#[derive(Debug, Clone, Default)]
pub struct Actual {
    /// Names of other nodes' roles, with whether each has the rights of a peer.
    pub roles: BTreeMap<String, bool>,
    /// Names of our subscriptions, with whether each is enabled.
    pub subscriptions: BTreeMap<String, bool>,
    /// Names of our subscriptions that confirm what they took only when it happens to be on disk.
    pub lazy: BTreeSet<String>,
    /// Names of our subscriptions that bring what is old by now: their peer was away, or is faster than this node.
    pub behind: BTreeSet<String>,
    /// Names of our subscriptions, of all lanes, that connect in another way than they should by now.
    pub outdated: BTreeSet<String>,
    /// Names of our logical slots.
    pub slots: BTreeSet<String>,
    /// Names of our subscriptions to other lanes than the first, with whether each is enabled.
    pub lanes: BTreeMap<String, bool>,
    /// Names of our logical slots of other lanes.
    pub lane_slots: BTreeSet<String>,
    /// Nodes whose rows must be read anew before their changes are taken again.
    pub resyncing: BTreeSet<NodeNumber>,
    /// There is no room on the disk for what others write.
    pub is_full: bool,
}

/// One thing to do. In the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Let a node log in: its role.
    MakeRole(String),
    /// Give a role the rights of a peer.
    Admit(String),
    /// Write the access lines of exactly these nodes and load them.
    SetAccess(Vec<NodeId>),
    /// Have a revocation list, with the certificates of these serial numbers on it.
    Revoke(Vec<String>),
    /// End every session of a role whose lines are gone.
    EndSessions(String),
    /// Subscribe to this peer from the slot it keeps for this node.
    Subscribe(NodeId),
    /// Confirm what arrives on a subscription at once: the other side's writers wait for it.
    ConfirmAtOnce(String),
    /// Confirm when it happens to be on disk: there is much to catch up with, and nobody waits for what is that old.
    ConfirmLazily(String),
    /// Connect a subscription in the way it should by now.
    Reconnect(String),
    /// Take changes on an existing subscription.
    Enable(String),
    /// Take no changes while the disk is full; they are kept by the other side.
    Pause(String),
    /// Take no more changes from a node that is gone: it may come back at any moment, and does not know of it.
    StopTaking(String),
    /// Forget the subscription to a node that is gone, without asking it.
    DropSubscription(String),
    /// Stop keeping changes for a node that is gone.
    DropSlot(String),
    /// Forget the role of a node that is gone.
    DropRole(String),
}

/// The repairs that turn `actual` into what `roster` demands of the node `me`.
///
/// `guests` are nodes that were signed and have not joined yet: they may log in, nothing else.
/// While this node joins, `subscribe` is false: its driver makes the subscriptions at the right moment.
pub fn repairs(roster: &Roster, me: &Member, guests: &[NodeId], actual: &Actual, subscribe: bool) -> Vec<Repair> {
    let peers: Vec<&Member> = roster.peers(&me.id).collect();
    let mut access: Vec<NodeId> = peers.iter().map(|peer| peer.id.clone()).collect();
    access.extend(guests.iter().filter(|guest| roster.find(guest).is_none()).cloned());
    let roles: BTreeSet<String> = access.iter().map(names::role).collect();
    let gone: Vec<&String> = actual.roles.keys().filter(|role| !roles.contains(*role)).collect();

    let dropping = dropping(&peers, me, actual);
    let mut list = stopping(&dropping, actual);
    list.extend(admitting(&roles, &peers, actual));
    list.push(Repair::SetAccess(access));
    list.push(revoking(roster));
    list.extend(gone.iter().map(|role| Repair::EndSessions((*role).clone())));
    if actual.is_full {
        list.extend(pausing(actual));
    } else if subscribe {
        list.extend(reconnecting(&peers, me, actual));
        list.extend(subscribing(&peers, me, actual));
    }
    list.extend(dropping);
    list.extend(gone.into_iter().cloned().map(Repair::DropRole));
    list
}

/// Everybody expected gets a role; recorded nodes get a peer's rights with it.
fn admitting(roles: &BTreeSet<String>, peers: &[&Member], actual: &Actual) -> Vec<Repair> {
    let unknown = roles.iter().filter(|role| !actual.roles.contains_key(*role));
    let guests_so_far = peers
        .iter()
        .map(|peer| names::role(&peer.id))
        .filter(|role| actual.roles.get(role) != Some(&true));
    unknown
        .cloned()
        .map(Repair::MakeRole)
        .chain(guests_so_far.map(Repair::Admit))
        .collect()
}

/// Also when there is nobody to name: without a list, nobody knows that one is missing.
fn revoking(roster: &Roster) -> Repair {
    let removed = roster.nodes.iter().filter(|node| node.state == NodeState::Removed);
    let mut serials: Vec<String> = removed.map(|node| node.serial.clone()).collect();
    serials.sort();
    Repair::Revoke(serials)
}

/// Those that stay. One that is made anew gets what it should have.
fn reconnecting(peers: &[&Member], me: &Member, actual: &Actual) -> Vec<Repair> {
    let ready = peers.iter().filter(|peer| peer.state == NodeState::Ready);
    let whole = ready.filter(|peer| !actual.resyncing.contains(&peer.number));
    let links: BTreeSet<String> = whole.map(|peer| names::link(peer.number, me.number)).collect();
    let stays = |name: &&String| links.contains(&names::link_of_lane(name).unwrap_or_else(|| (*name).clone()));
    let outdated = actual.outdated.iter().filter(stays);
    outdated.cloned().map(Repair::Reconnect).collect()
}

fn pausing(actual: &Actual) -> Vec<Repair> {
    let all = actual.subscriptions.iter().chain(&actual.lanes);
    let enabled = all.filter(|(_, is_enabled)| **is_enabled);
    enabled.map(|(name, _)| Repair::Pause(name.clone())).collect()
}

/// Subscriptions to members only: a joining node asks for its own when it is ready for it. One that has lost something is
/// left to the resync, which makes it anew.
fn subscribing(peers: &[&Member], me: &Member, actual: &Actual) -> Vec<Repair> {
    let ready = peers.iter().filter(|peer| peer.state == NodeState::Ready);
    let whole = ready.filter(|peer| !actual.resyncing.contains(&peer.number));
    whole.flat_map(|peer| subscribing_to(peer, me, actual)).collect()
}

/// A subscription that catches up is lazy, for that is many times faster; others confirm at once.
fn subscribing_to(peer: &Member, me: &Member, actual: &Actual) -> Vec<Repair> {
    let name = names::link(peer.number, me.number);
    let Some(is_enabled) = actual.subscriptions.get(&name) else {
        return vec![Repair::Subscribe(peer.id.clone())];
    };
    let confirm = match (actual.lazy.contains(&name), actual.behind.contains(&name)) {
        (true, false) => Some(Repair::ConfirmAtOnce(name.clone())),
        (false, true) => Some(Repair::ConfirmLazily(name.clone())),
        (true, true) | (false, false) => None,
    };
    let enable = (!is_enabled).then_some(Repair::Enable(name));
    confirm.into_iter().chain(enable).collect()
}

/// Before all else, which takes its time: what is to be dropped takes nothing any more.
fn stopping(dropping: &[Repair], actual: &Actual) -> Vec<Repair> {
    let all = actual.subscriptions.iter().chain(&actual.lanes);
    let enabled: BTreeSet<&String> = all
        .filter(|(_, is_enabled)| **is_enabled)
        .map(|(name, _)| name)
        .collect();
    let stopped = dropping.iter().filter_map(|repair| match repair {
        Repair::DropSubscription(name) if enabled.contains(name) => Some(Repair::StopTaking(name.clone())),
        _ => None,
    });
    stopped.collect()
}

/// Of a link, the other lanes first: what is left of it is seen while the first one is there.
fn dropping(peers: &[&Member], me: &Member, actual: &Actual) -> Vec<Repair> {
    let incoming: BTreeSet<String> = peers.iter().map(|peer| names::link(peer.number, me.number)).collect();
    let outgoing: BTreeSet<String> = peers.iter().map(|peer| names::link(me.number, peer.number)).collect();
    let of_peer = |name: &&String| names::link_of_lane(name).is_some_and(|link| incoming.contains(&link));
    let for_peer = |name: &&String| names::link_of_lane(name).is_some_and(|link| outgoing.contains(&link));
    let lanes_in = actual.lanes.keys().filter(|name| !of_peer(name));
    let lanes_out = actual.lane_slots.iter().filter(|name| !for_peer(name));
    let stale_in = actual.subscriptions.keys().filter(|name| !incoming.contains(*name));
    let stale_out = actual.slots.difference(&outgoing);
    let subscriptions = lanes_in.chain(stale_in).cloned().map(Repair::DropSubscription);
    subscriptions
        .chain(lanes_out.chain(stale_out).cloned().map(Repair::DropSlot))
        .collect()
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
            serial: String::new(),
            row_version: 1,
        }
    }

    fn roster(states: &[NodeState]) -> Roster {
        Roster {
            nodes: (1..).zip(states).map(|(n, state)| node(n, *state)).collect(),
        }
    }

    /// Does what the list says to a model of a node.
    fn act(list: &[Repair], roster: &Roster, me: &Member, actual: &mut Actual) {
        for repair in list {
            match repair {
                Repair::MakeRole(role) => drop(actual.roles.insert(role.clone(), false)),
                Repair::Admit(role) => drop(actual.roles.insert(role.clone(), true)),
                Repair::DropRole(role) => drop(actual.roles.remove(role)),
                Repair::Subscribe(id) => {
                    let number = roster.find(id).unwrap().number;
                    actual.subscriptions.insert(names::link(number, me.number), true);
                }
                Repair::ConfirmAtOnce(name) => drop(actual.lazy.remove(name)),
                Repair::ConfirmLazily(name) => drop(actual.lazy.insert(name.clone())),
                Repair::Reconnect(name) => drop(actual.outdated.remove(name)),
                Repair::Enable(name) => drop(actual.subscriptions.insert(name.clone(), true)),
                Repair::Pause(name) | Repair::StopTaking(name) => {
                    actual.subscriptions.insert(name.clone(), false);
                }
                Repair::DropSubscription(name) => drop((actual.subscriptions.remove(name), actual.lanes.remove(name))),
                Repair::DropSlot(name) => drop((actual.slots.remove(name), actual.lane_slots.remove(name))),
                Repair::SetAccess(_) | Repair::Revoke(_) | Repair::EndSessions(_) => {}
            }
        }
    }

    #[test]
    fn repairing_once_is_enough() {
        let roster = roster(&[
            NodeState::Ready,
            NodeState::Ready,
            NodeState::Removed,
            NodeState::Joining,
        ]);
        let me = node(1, NodeState::Ready);
        let mut actual = Actual::default();
        actual.slots.insert(names::link(NodeNumber(1), NodeNumber(3)));
        actual
            .subscriptions
            .insert(names::link(NodeNumber(3), NodeNumber(1)), true);
        actual.lanes.insert(names::lane(NodeNumber(3), NodeNumber(1), 1), true);
        actual.lane_slots.insert(names::lane(NodeNumber(1), NodeNumber(3), 1));
        actual.roles.insert(names::role(&node(3, NodeState::Removed).id), true);
        let first = repairs(&roster, &me, &[], &actual, true);
        act(&first, &roster, &me, &mut actual);
        let second = repairs(&roster, &me, &[], &actual, true);
        assert!(
            matches!(second.as_slice(), [Repair::SetAccess(_), Repair::Revoke(_)]),
            "{second:?}"
        );
        assert!(actual.lanes.is_empty() && actual.lane_slots.is_empty());
    }

    #[test]
    fn nothing_is_taken_of_a_removed_node_then_it_is_locked_out_then_the_rest_of_it_goes() {
        let roster = roster(&[NodeState::Ready, NodeState::Removed]);
        let role = names::role(&node(2, NodeState::Removed).id);
        let mut actual = Actual::default();
        actual.roles.insert(role.clone(), true);
        actual.slots.insert(names::link(NodeNumber(1), NodeNumber(2)));
        let incoming = names::link(NodeNumber(2), NodeNumber(1));
        actual.subscriptions.insert(incoming.clone(), true);
        let list = repairs(&roster, &node(1, NodeState::Ready), &[], &actual, true);
        assert_eq!(
            list,
            [
                Repair::StopTaking(incoming.clone()),
                Repair::SetAccess(vec![]),
                Repair::Revoke(vec![String::new()]),
                Repair::EndSessions(role.clone()),
                Repair::DropSubscription(incoming),
                Repair::DropSlot(names::link(NodeNumber(1), NodeNumber(2))),
                Repair::DropRole(role),
            ]
        );
    }

    #[test]
    fn a_signed_guest_may_log_in_and_gets_nothing_else() {
        let guest: NodeId = format!("{:032x}", 9).parse().unwrap();
        let roster = roster(&[NodeState::Ready]);
        let list = repairs(
            &roster,
            &node(1, NodeState::Ready),
            std::slice::from_ref(&guest),
            &Actual::default(),
            true,
        );
        assert_eq!(
            list,
            [
                Repair::MakeRole(names::role(&guest)),
                Repair::SetAccess(vec![guest]),
                Repair::Revoke(vec![])
            ]
        );
    }

    #[test]
    fn between_members_what_arrives_is_confirmed_at_once() {
        let roster = roster(&[NodeState::Ready, NodeState::Ready, NodeState::Joining]);
        let me = node(1, NodeState::Ready);
        let mut actual = Actual::default();
        for from in [2, 3] {
            let name = names::link(NodeNumber(from), NodeNumber(1));
            actual.subscriptions.insert(name.clone(), true);
            actual.lazy.insert(name);
        }
        let list = repairs(&roster, &me, &[], &actual, true);
        let confirming: Vec<&Repair> = list
            .iter()
            .filter(|repair| matches!(repair, Repair::ConfirmAtOnce(_)))
            .collect();
        assert_eq!(confirming, [&Repair::ConfirmAtOnce("keystead_2_to_1".to_owned())]);
    }

    #[test]
    fn what_is_far_behind_is_caught_up_with_fast() {
        let roster = roster(&[NodeState::Ready, NodeState::Ready]);
        let name = names::link(NodeNumber(2), NodeNumber(1));
        let mut actual = Actual::default();
        actual.subscriptions.insert(name.clone(), true);
        actual.behind.insert(name.clone());
        let list = repairs(&roster, &node(1, NodeState::Ready), &[], &actual, true);
        assert!(list.contains(&Repair::ConfirmLazily(name.clone())), "{list:?}");
        actual.lazy.insert(name.clone());
        let list = repairs(&roster, &node(1, NodeState::Ready), &[], &actual, true);
        assert!(!list.contains(&Repair::ConfirmAtOnce(name)), "{list:?}");
    }

    #[test]
    fn a_guest_that_was_recorded_is_given_the_rights_of_a_peer() {
        let roster = roster(&[NodeState::Ready, NodeState::Joining]);
        let role = names::role(&node(2, NodeState::Joining).id);
        let mut actual = Actual::default();
        actual.roles.insert(role.clone(), false);
        let list = repairs(&roster, &node(1, NodeState::Ready), &[], &actual, true);
        assert!(list.contains(&Repair::Admit(role)), "{list:?}");
    }

    #[test]
    fn on_a_full_disk_nothing_is_taken_until_there_is_room() {
        let (roster, me) = (roster(&[NodeState::Ready, NodeState::Ready]), node(1, NodeState::Ready));
        let name = names::link(NodeNumber(2), NodeNumber(1));
        let mut actual = Actual {
            is_full: true,
            ..Actual::default()
        };
        actual.subscriptions.insert(name.clone(), true);
        let list = repairs(&roster, &me, &[], &actual, true);
        assert!(list.contains(&Repair::Pause(name.clone())), "{list:?}");
        act(&list, &roster, &me, &mut actual);
        assert!(!repairs(&roster, &me, &[], &actual, true).contains(&Repair::Pause(name.clone())));
        actual.is_full = false;
        assert!(repairs(&roster, &me, &[], &actual, true).contains(&Repair::Enable(name)));
    }

    #[test]
    fn a_subscription_that_has_lost_something_is_left_to_the_resync() {
        let roster = roster(&[NodeState::Ready, NodeState::Ready]);
        let me = node(1, NodeState::Ready);
        let mut actual = Actual {
            resyncing: [NodeNumber(2)].into(),
            ..Actual::default()
        };
        for enabled in [None, Some(false)] {
            let name = names::link(NodeNumber(2), me.number);
            actual.subscriptions.extend(enabled.map(|enabled| (name, enabled)));
            let list = repairs(&roster, &me, &[], &actual, true);
            assert!(
                !list
                    .iter()
                    .any(|repair| matches!(repair, Repair::Subscribe(_) | Repair::Enable(_))),
                "{list:?}"
            );
        }
    }

    #[test]
    fn a_subscription_that_connects_in_an_outdated_way_is_mended_in_every_lane_and_one_that_goes_is_not() {
        let roster = roster(&[NodeState::Ready, NodeState::Ready, NodeState::Removed, NodeState::Ready]);
        let me = node(1, NodeState::Ready);
        let names: Vec<String> = [2, 3, 4]
            .iter()
            .flat_map(|from| {
                let from = NodeNumber(*from);
                [names::link(from, me.number), names::lane(from, me.number, 1)]
            })
            .collect();
        let mut actual = Actual {
            outdated: names.iter().cloned().collect(),
            resyncing: [NodeNumber(4)].into(),
            ..Actual::default()
        };
        let reconnected = |list: &[Repair]| {
            let names = list.iter().filter_map(|repair| match repair {
                Repair::Reconnect(name) => Some(name.clone()),
                _ => None,
            });
            names.collect::<BTreeSet<String>>()
        };
        let list = repairs(&roster, &me, &[], &actual, true);
        assert_eq!(reconnected(&list), names[..2].iter().cloned().collect());
        act(&list, &roster, &me, &mut actual);
        assert!(reconnected(&repairs(&roster, &me, &[], &actual, true)).is_empty());
    }

    #[test]
    fn nobody_subscribes_to_a_node_that_is_still_joining() {
        let roster = roster(&[NodeState::Ready, NodeState::Joining]);
        let list = repairs(&roster, &node(1, NodeState::Ready), &[], &Actual::default(), true);
        assert!(
            !list.iter().any(|repair| matches!(repair, Repair::Subscribe(_))),
            "{list:?}"
        );
    }
}
