//! Was this node rolled back? Decided by what its peers have heard of it, compared with what it remembers.
//!
//! A node's heartbeats are counted, and each start of its agent is a *run* with a name that was never used before. So a
//! peer that has a beat of a run the node does not know, or a later beat than that run had, has heard of a life that the
//! node has forgotten: its database is an old copy. It does not matter how many beats were sent since the roll-back, nor
//! what the clocks say. Who asks, and what is done then: `appliance/src/resync/fence.rs`.

use std::collections::BTreeMap;

use crate::clock::Micros;

/// What one node has heard of another: its newest heartbeat that came in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The run it belongs to.
    pub run: String,
    /// The number of the beat.
    pub beat: i64,
    /// The version of its row.
    pub version: i64,
}

/// What one peer has heard, and since when that is all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Still {
    /// The newest that was heard.
    pub heard: Heard,
    /// When this was first seen, on this node's clock.
    pub since: Micros,
}

/// How long a peer must have heard nothing more before its word is the last one on a life that has ended. In the largest
/// cluster a heartbeat comes every two and a half seconds ([`super::heartbeat`]).
const STILL_MICROS: i64 = 4_000_000;

impl Still {
    /// What is known after a peer said `heard` at `now`.
    pub fn after(before: Option<&Self>, heard: Heard, now: Micros) -> Self {
        match before {
            // A clock that was set back begins the wait anew.
            Some(before) if before.heard == heard && before.since <= now => before.clone(),
            _ => Self { heard, since: now },
        }
    }

    /// Is that life over? While more of it is heard, another machine goes on as this node.
    pub fn is_over(&self, now: Micros) -> bool {
        now.0.saturating_sub(self.since.0) >= STILL_MICROS
    }
}

/// The newest beat of every run that a node remembers of itself.
#[derive(Debug, Clone, Default)]
pub struct Past(pub BTreeMap<String, i64>);

impl Past {
    /// Does the node remember having sent this beat?
    pub fn knows(&self, heard: &Heard) -> bool {
        self.0.get(&heard.run).is_some_and(|newest| heard.beat <= *newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(runs: &[(&str, i64)]) -> Past {
        Past(runs.iter().map(|(run, ended)| ((*run).to_owned(), *ended)).collect())
    }

    fn heard(run: &str, beat: i64) -> Heard {
        Heard {
            run: run.to_owned(),
            beat,
            version: 0,
        }
    }

    #[test]
    fn a_node_knows_what_it_has_sent() {
        let past = past(&[("first", 40), ("second", 70)]);
        for known in [heard("first", 1), heard("first", 40), heard("second", 41)] {
            assert!(past.knows(&known), "{known:?}");
        }
    }

    #[test]
    fn a_node_that_was_rolled_back_does_not_know_its_later_life() {
        // Copied in the first run after beat 40, and started again from the copy.
        let copy = past(&[("first", 40), ("third", 41)]);
        for forgotten in [heard("first", 41), heard("second", 71)] {
            assert!(!copy.knows(&forgotten), "{forgotten:?}");
        }
    }

    #[test]
    fn a_life_is_over_when_nothing_more_of_it_is_heard() {
        let second = |n: i64| Micros(n * 1_000_000);
        let mut still = Still::after(None, heard("first", 1), second(0));
        for (beat, at) in [(2, 5), (2, 7)] {
            still = Still::after(Some(&still), heard("first", beat), second(at));
            assert!(!still.is_over(second(at)), "beat {beat} at {at}");
        }
        let unchanged = Still::after(Some(&still), heard("first", 2), second(9));
        assert!(unchanged.is_over(second(9)));
    }

    #[test]
    fn sending_on_does_not_hide_a_roll_back() {
        let copy = past(&[("first", 40), ("third", 100_000)]);
        assert!(!copy.knows(&heard("second", 71)));
    }
}
