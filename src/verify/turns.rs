//! Who compares itself with whom in the background, when, and what is told of it.
//!
//! Every node takes the members in turn, one at a time, and the nodes begin at different times: so the cost is spread
//! over time and machines.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Difference;
use crate::id::NodeNumber;
use crate::member::MAX_NODES;

/// How long this node waits before its first turn. Nodes with neighbouring numbers begin a twentieth of `every` apart.
pub fn first_after(me: NodeNumber, every: Duration) -> Duration {
    let parts = u32::try_from(MAX_NODES).unwrap_or(u32::MAX);
    every * (me.0.unsigned_abs() % parts + 1) / parts
}

/// The member to compare with after `last`: the next higher number, then from the lowest again.
pub fn next(members: &BTreeSet<NodeNumber>, last: Option<NodeNumber>) -> Option<NodeNumber> {
    let after = last.and_then(|last| members.range(last..).find(|number| **number > last));
    after.or_else(|| members.first()).copied()
}

/// What was found in two looks in a row, as the second saw it. One look may fall into the moment in which a node is
/// being brought up to date.
pub fn found_twice(first: &[Difference], second: Vec<Difference>) -> Vec<Difference> {
    let before: BTreeSet<(&str, &str)> = first.iter().map(|one| (&*one.table, &*one.key)).collect();
    second
        .into_iter()
        .filter(|one| before.contains(&(&*one.table, &*one.key)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_has_its_turn() {
        let members = BTreeSet::from([2, 5, 9].map(NodeNumber));
        let mut last = None;
        let mut order = Vec::new();
        for _ in 0..4 {
            last = next(&members, last);
            order.extend(last.map(|number| number.0));
        }
        assert_eq!(order, [2, 5, 9, 2]);
        assert_eq!(
            next(&members, Some(NodeNumber(7))),
            Some(NodeNumber(9)),
            "7 was removed"
        );
        assert_eq!(next(&BTreeSet::new(), last), None);
    }

    #[test]
    fn no_two_of_twenty_nodes_begin_at_once() {
        let every = Duration::from_mins(5);
        let starts: BTreeSet<Duration> = (1..=20).map(|number| first_after(NodeNumber(number), every)).collect();
        assert_eq!(starts.len(), 20);
        assert!(starts.iter().all(|start| *start <= every));
    }

    #[test]
    fn what_was_found_once_is_not_told() {
        let one = |key: &str| Difference {
            table: "t".to_owned(),
            key: key.to_owned(),
            here: None,
            there: None,
        };
        assert_eq!(found_twice(&[one("a"), one("b")], vec![one("b"), one("c")]), [one("b")]);
    }
}
