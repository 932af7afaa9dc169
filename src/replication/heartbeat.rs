//! How often a member beats, by the number of members.
//!
//! Every beat is applied by every member, whose PostgreSQL then reads it again for every other: with the number of members
//! that work grows by its cube. The beating itself is `appliance/src/heartbeat.rs`; what it is good for is
//! [`super::horizon`].

use std::time::Duration;

/// In a small cluster.
pub const PERIOD: Duration = Duration::from_secs(1);

/// All members together beat no more often in a second.
const BEATS: u32 = 8;

/// Between two beats of one of so many members. Of 20 it is 2.5 seconds: three fit in the time after which a silent member
/// counts as down ([`crate::summary::DOWN_AFTER_MILLIS`]).
pub fn period(members: usize) -> Duration {
    PERIOD.max(PERIOD * u32::try_from(members).unwrap_or(u32::MAX) / BEATS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::MAX_NODES;
    use crate::summary::DOWN_AFTER_MILLIS;

    #[test]
    fn a_small_cluster_beats_once_a_second_and_a_large_one_as_often_in_all() {
        let period = |members| period(members).as_millis();
        assert_eq!([1, 3, 8].map(period), [1000; 3]);
        assert_eq!([12, 16, 20].map(period), [1500, 2000, 2500]);
    }

    #[test]
    fn a_beat_or_two_that_are_late_make_no_member_look_down() {
        let longest = period(MAX_NODES);
        assert!(3 * longest.as_millis() <= u128::from(DOWN_AFTER_MILLIS.unsigned_abs()));
    }
}
