//! Clocks that are apart, by the heartbeats that arrive.
//!
//! A heartbeat carries the time of its node when it was begun, so on arrival it is older than now by however long it
//! took. One from the future cannot be explained by that: its clock is ahead of this one by that much at least. One from
//! the past proves nothing here; the other node sees this one's heartbeats come from its future, and tells.

use std::collections::{BTreeMap, VecDeque};

use super::super::{Alarm, Cause, Finding, Severity};
use crate::clock::Micros;
use crate::join::preflight::MAX_SKEW_MILLIS;

/// From here on somebody is told.
const TOLD_MILLIS: i64 = 500;

/// How long a look counts.
const REMEMBERED_MILLIS: i64 = 30_000;

/// How far one node's clock is ahead of this one's, by the looks of the last half minute.
///
/// Most looks meet a heartbeat that is up to a second old, so the greatest of several counts.
#[derive(Debug, Clone, Default)]
pub struct Ahead {
    /// Where the node is, for people.
    pub host: String,
    looks: VecDeque<(Micros, i64)>,
}

impl Ahead {
    /// Adds a look at `now` that met a heartbeat of the time `at`.
    pub fn look(&mut self, now: Micros, at: Micros) {
        self.looks.push_back((now, at.millis_since(now)));
        self.looks
            .retain(|(looked, _)| (0..=REMEMBERED_MILLIS).contains(&now.millis_since(*looked)));
    }

    /// Milliseconds by which the clock is ahead at least; `None` when no heartbeat came from the future.
    pub fn millis(&self) -> Option<i64> {
        let greatest = self.looks.iter().map(|(_, ahead)| *ahead).max();
        greatest.filter(|ahead| *ahead > 0)
    }
}

/// Members whose clocks are ahead.
pub(super) fn skew(ahead: &BTreeMap<String, Ahead>) -> Vec<Finding> {
    let apart = ahead.iter().filter_map(|(id, node)| {
        let millis = node.millis().filter(|millis| *millis >= TOLD_MILLIS)?;
        let severity = if millis >= MAX_SKEW_MILLIS {
            Severity::Critical
        } else {
            Severity::Warning
        };
        Some(Finding {
            cause: Cause::new(Alarm::ClockSkew, id),
            severity,
            text: format!(
                "the clock of {} is at least {millis} ms ahead of this node's",
                node.host
            ),
        })
    });
    apart.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Micros {
        Micros(1_700_000_000_000_000 + millis * 1000)
    }

    /// What is found of a node whose heartbeats were these milliseconds ahead, one look every 3 seconds.
    fn found(looks: &[i64]) -> Vec<Finding> {
        let mut node = Ahead {
            host: "10.0.0.2".to_owned(),
            ..Ahead::default()
        };
        for (look, ahead) in (0..).zip(looks) {
            node.look(at(look * 3000), at(look * 3000 + ahead));
        }
        skew(&BTreeMap::from([("b".to_owned(), node)]))
    }

    #[test]
    fn a_heartbeat_from_the_future_is_proof_and_the_greatest_counts() {
        let told = found(&[-400, 640, 100]);
        assert_eq!(told[0].severity, Severity::Warning);
        assert_eq!(
            told[0].text,
            "the clock of 10.0.0.2 is at least 640 ms ahead of this node's"
        );
        assert_eq!(found(&[315_360_000_000])[0].severity, Severity::Critical);
    }

    #[test]
    fn a_heartbeat_from_the_past_is_no_proof_however_old_it_is() {
        assert!(found(&[-900, -3_600_000]).is_empty());
    }

    #[test]
    fn half_a_minute_without_proof_is_enough() {
        let mut looks = vec![700];
        looks.extend([-100; 10]);
        assert_eq!(found(&looks).len(), 1);
        looks.push(-100);
        assert!(found(&looks).is_empty());
    }

    #[test]
    fn looks_from_before_this_clock_was_set_back_are_forgotten() {
        let mut node = Ahead::default();
        node.look(at(100_000), at(101_000));
        node.look(at(0), at(-500));
        assert_eq!(node.millis(), None);
    }
}
