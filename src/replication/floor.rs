//! Whether what a peer says of its purge floor can be true.
//!
//! A node that takes a floor over drops every row that is not here and has a version up to it. So a floor that is too high,
//! from a peer that is broken or means harm, would make it drop what others write from then on, and its data would never be
//! whole. Decides by what members say of themselves; asks nobody.

use crate::clock::Micros;

/// Can a node have purged up to `floor`, when `newest` are the newest heartbeats of members, each as that member itself
/// said after the floor was read?
///
/// A floor is the horizon of some moment, less the time that tombstones are kept. The horizon is the oldest of what any
/// member has seen of any other (see [`super::horizon`]), so nothing in it is newer than a heartbeat of each, and
/// heartbeats only rise. No clock is looked at: one that was wrong for a while has left its mark on heartbeats for good.
pub fn is_possible(floor: Micros, newest: impl IntoIterator<Item = Micros>) -> bool {
    newest.into_iter().all(|newest| floor <= newest)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::id::NodeNumber;
    use crate::replication::horizon::horizon;

    #[test]
    fn what_one_member_has_not_beaten_up_to_nobody_can_have_purged() {
        let newest = [Micros(70), Micros(50), Micros(60)];
        assert!(is_possible(Micros(50), newest));
        assert!(!is_possible(Micros(51), newest));
        assert!(!is_possible(Micros(i64::MAX), newest));
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
            let newest = beats.iter().map(|beat| Micros(beat + later));
            prop_assert!(is_possible(floor, newest));
        }
    }
}
