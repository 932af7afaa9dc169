//! Numbers of nodes: the highest that was given, so that none is given twice. What peers say of them is data.
//!
//! Never gives one: `appliance/src/cluster/lease.rs` does, under the membership lease. The SQL of the members counts in the
//! same way: `replication.highest_number`.

use crate::id::NodeNumber;

/// How far a number may be above those before it. A member that was away may have missed some; a number farther above was
/// never given by anybody, and counted, one row of a hostile member would bring numbers to their end.
pub const FARTHEST_STEP: i32 = 256;

/// The highest of those that were given one after the other; [`NodeNumber::NONE`] when there is none.
pub fn highest(known: impl IntoIterator<Item = NodeNumber>) -> NodeNumber {
    let mut known: Vec<NodeNumber> = known.into_iter().collect();
    known.sort_unstable();
    let mut highest = NodeNumber::NONE;
    for number in known {
        if number.0 > highest.0.saturating_add(FARTHEST_STEP) {
            break;
        }
        highest = highest.max(number);
    }
    highest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn highest_of(numbers: &[i32]) -> i32 {
        highest(numbers.iter().copied().map(NodeNumber)).0
    }

    #[test]
    fn the_highest_of_numbers_that_were_given_counts() {
        assert_eq!(highest_of(&[]), 0);
        assert_eq!(highest_of(&[1]), 1);
        assert_eq!(highest_of(&[3, 1, 2]), 3);
        assert_eq!(highest_of(&[1, 257, 513]), 513);
    }

    #[test]
    fn a_number_that_nobody_gave_brings_numbers_to_no_end() {
        assert_eq!(highest_of(&[1, 2, 3, i32::MAX]), 3);
        assert_eq!(highest_of(&[1, 2, 3, 260, 1_073_741_823]), 3);
        assert_eq!(highest_of(&[-5, 0, 1, 2]), 2);
    }

    #[test]
    fn a_number_that_is_reached_is_passed_over() {
        assert_eq!(highest_of(&[1, 2, 100, 101, 300]), 300);
    }
}
