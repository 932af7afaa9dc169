//! Whether what a peer says of its purge floor can be true.
//!
//! A node that takes a floor over drops every row that is not here and has a version up to it. So a floor that is too high,
//! from a peer that is broken or means harm, would make it drop what others write from then on, and its data would never be
//! whole. Decides by what members say of themselves; asks nobody.

use crate::clock::Micros;

/// Can a node have purged up to `floor`, when `others` are the newest heartbeats of other members, each as that member
/// itself said after the floor was read?
///
/// A floor is the horizon of some moment, less the time that tombstones are kept. The horizon is the oldest of what any
/// member has seen of any other (see [`super::horizon`]), so nothing in it is newer than a heartbeat of each, and
/// heartbeats only rise. One of them that is as new is enough: else a single member that says too little would keep every
/// floor from being believed. What is written from now on has a later version than that, so the floor drops none of it.
/// Without others there is nothing to compare with. No clock is looked at: one that was wrong for a while has left its
/// mark on heartbeats for good.
pub fn is_possible(floor: Micros, others: impl IntoIterator<Item = Micros>) -> bool {
    others.into_iter().max().is_none_or(|newest| floor <= newest)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::id::NodeNumber;
    use crate::replication::horizon::horizon;

    #[test]
    fn what_nobody_else_has_beaten_up_to_nobody_can_have_purged() {
        let others = [Micros(70), Micros(50), Micros(60)];
        assert!(is_possible(Micros(70), others));
        assert!(!is_possible(Micros(71), others));
        assert!(!is_possible(Micros(i64::MAX), others));
    }

    #[test]
    fn a_member_that_says_too_little_keeps_no_floor_from_being_believed() {
        assert!(is_possible(Micros(60), [Micros(0), Micros(60)]));
    }

    #[test]
    fn the_word_of_the_only_other_node_is_all_there_is() {
        assert!(is_possible(Micros(60), []));
    }

    proptest! {
        /// Whatever the members have seen of each other: a floor that one of them takes from the horizon is believed, also
        /// after they have gone on beating.
        #[test]
        fn every_honest_floor_is_believed(
            beats in proptest::collection::vec(0_i64..1000, 1..5),
            late in proptest::collection::vec(0_i64..1000, 25),
            kept_for in 0_i64..100,
            later in 0_i64..100,
        ) {
            let numbers: Vec<NodeNumber> = (1..).map(NodeNumber).take(beats.len()).collect();
            let mut heartbeats = BTreeMap::new();
            for (viewer, number) in numbers.iter().enumerate() {
                let seen = numbers.iter().enumerate().map(|(origin, of)| {
                    let late = if origin == viewer { 0 } else { late[viewer * 5 + origin] };
                    (*of, Micros((beats[origin] - late).max(0)))
                });
                heartbeats.insert(*number, seen.collect());
            }
            let floor = Micros(horizon(&heartbeats, &numbers).unwrap().0 - kept_for);
            let others = beats.iter().skip(1).map(|beat| Micros(beat + later));
            prop_assert!(is_possible(floor, others));
        }
    }
}
