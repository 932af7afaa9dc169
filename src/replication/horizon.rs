//! The horizon: everything written before it is on every member.
//!
//! Each member's heartbeat carries the newest time it has heard of every other (what it has *seen*). PostgreSQL
//! delivers in commit order, so a heartbeat that has arrived proves that everything of its node up to then has too.

use std::collections::BTreeMap;

use crate::clock::Micros;
use crate::id::NodeNumber;

/// The newest heartbeat one node has of every node, itself included.
pub type Seen = BTreeMap<NodeNumber, Micros>;

/// What each member has seen, by member.
pub type Heartbeats = BTreeMap<NodeNumber, Seen>;

/// The horizon over `members`: the oldest of what any member has seen of any other.
///
/// `None` while one of them has not been heard of at all.
pub fn horizon(heartbeats: &Heartbeats, members: &[NodeNumber]) -> Option<Micros> {
    let seen_by = |viewer: &NodeNumber| {
        let seen = heartbeats.get(viewer)?;
        members.iter().map(|origin| seen.get(origin).copied()).min()?
    };
    members.iter().map(seen_by).min()?
}

/// Has every one of `viewers` what `origin` had written up to `time`?
pub fn seen_by_all(heartbeats: &Heartbeats, viewers: &[NodeNumber], origin: NodeNumber, time: Micros) -> bool {
    viewers.iter().all(|viewer| {
        heartbeats
            .get(viewer)
            .and_then(|seen| seen.get(&origin))
            .is_some_and(|at| *at >= time)
    })
}

/// Up to when each of `viewers` has everything of `origin`; `None` when there are none.
pub fn seen_by_all_up_to(heartbeats: &Heartbeats, viewers: &[NodeNumber], origin: NodeNumber) -> Option<Micros> {
    let seen = |viewer: &NodeNumber| heartbeats.get(viewer)?.get(&origin).copied();
    viewers.iter().map(|viewer| seen(viewer).unwrap_or(Micros(0))).min()
}

/// Up to when at least one of `viewers` has everything of `origin`. `None` when none of them has said that it has anything.
pub fn seen_by_any(heartbeats: &Heartbeats, viewers: &[NodeNumber], origin: NodeNumber) -> Option<Micros> {
    let seen = viewers.iter().filter_map(|viewer| heartbeats.get(viewer)?.get(&origin));
    seen.max().copied()
}

/// Those of `viewers` that lack what `origin` wrote before `time`, with the time up to which each has everything of it.
pub fn behind(heartbeats: &Heartbeats, viewers: &[NodeNumber], origin: NodeNumber, time: Micros) -> Seen {
    let seen = |viewer: &NodeNumber| heartbeats.get(viewer)?.get(&origin).copied();
    let times = viewers
        .iter()
        .map(|viewer| (*viewer, seen(viewer).unwrap_or(Micros(0))));
    times.filter(|(_, at)| *at < time).collect()
}

/// Up to when two nodes both have everything of all `members`, by the heartbeats that have arrived at each.
///
/// `None` while one of them is unheard of on either side.
pub fn both_have(here: &Seen, there: &Seen, members: impl IntoIterator<Item = NodeNumber>) -> Option<Micros> {
    let arrived = members
        .into_iter()
        .flat_map(|member| [here.get(&member).copied(), there.get(&member).copied()]);
    // `None`, a heartbeat that has not arrived, is the least.
    arrived.min().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeats(rows: &[(i32, &[(i32, i64)])]) -> Heartbeats {
        rows.iter()
            .map(|(viewer, seen)| {
                (
                    NodeNumber(*viewer),
                    seen.iter().map(|(n, at)| (NodeNumber(*n), Micros(*at))).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn the_slowest_pair_sets_the_horizon() {
        let all = heartbeats(&[(1, &[(1, 50), (2, 40)]), (2, &[(1, 30), (2, 60)])]);
        assert_eq!(horizon(&all, &[NodeNumber(1), NodeNumber(2)]), Some(Micros(30)));
    }

    #[test]
    fn a_member_that_was_never_heard_of_holds_it_back() {
        let all = heartbeats(&[(1, &[(1, 50)]), (2, &[(1, 30), (2, 60)])]);
        assert_eq!(horizon(&all, &[NodeNumber(1), NodeNumber(2)]), None);
    }

    #[test]
    fn who_is_behind_is_told_with_what_it_has() {
        let all = heartbeats(&[(1, &[(1, 50)]), (2, &[(1, 30), (2, 60)]), (3, &[(1, 40)])]);
        let viewers = [2, 3, 4].map(NodeNumber);
        let behind = behind(&all, &viewers, NodeNumber(1), Micros(40));
        assert_eq!(
            behind,
            Seen::from([(NodeNumber(2), Micros(30)), (NodeNumber(4), Micros(0))])
        );
    }

    #[test]
    fn two_nodes_both_have_what_the_one_that_is_behind_has() {
        let (here, there) = (
            Seen::from([(NodeNumber(1), Micros(50)), (NodeNumber(2), Micros(40))]),
            Seen::from([(NodeNumber(1), Micros(30))]),
        );
        assert_eq!(both_have(&here, &there, [NodeNumber(1)]), Some(Micros(30)));
        assert_eq!(both_have(&here, &there, [NodeNumber(1), NodeNumber(2)]), None);
    }

    #[test]
    fn what_one_has_and_what_all_have_of_a_node_are_the_newest_and_the_oldest_of_what_was_seen() {
        let all = heartbeats(&[(2, &[(1, 30)]), (3, &[(1, 29)]), (4, &[])]);
        let of_one = |viewers: &[i32]| {
            let viewers: Vec<NodeNumber> = viewers.iter().copied().map(NodeNumber).collect();
            let any = seen_by_any(&all, &viewers, NodeNumber(1));
            (any, seen_by_all_up_to(&all, &viewers, NodeNumber(1)))
        };
        assert_eq!(of_one(&[2, 3]), (Some(Micros(30)), Some(Micros(29))));
        assert_eq!(of_one(&[2, 4]), (Some(Micros(30)), Some(Micros(0))));
        assert_eq!(of_one(&[4]), (None, Some(Micros(0))));
        assert_eq!(of_one(&[]), (None, None));
    }

    #[test]
    fn all_have_seen_a_time_only_when_the_last_one_has() {
        let all = heartbeats(&[(2, &[(1, 30)]), (3, &[(1, 29)])]);
        assert!(seen_by_all(&all, &[NodeNumber(2)], NodeNumber(1), Micros(30)));
        assert!(!seen_by_all(
            &all,
            &[NodeNumber(2), NodeNumber(3)],
            NodeNumber(1),
            Micros(30)
        ));
    }
}
