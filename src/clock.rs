//! Time comes in from outside, so that tests can turn it.
//!
//! This file only names the unit and the trait. The one real clock is in `appliance/src/clock.rs`.

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01 UTC, the unit of row versions and heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl From<i64> for Micros {
    fn from(micros: i64) -> Self {
        Self(micros)
    }
}

impl Micros {
    /// `self - earlier` in milliseconds, negative when `self` is the earlier one.
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 1000
    }

    /// The same instant as a calendar time, or `None` outside chrono's range.
    pub fn to_utc(self) -> Option<chrono::DateTime<chrono::Utc>> {
        chrono::DateTime::from_timestamp_micros(self.0)
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// Now, by this machine's wall clock.
    fn now(&self) -> Micros;
}

/// How far another machine's clock is ahead of this one's, by asking it: right up to half of the time that took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    /// Ahead by this much; behind when negative.
    pub ahead: Micros,
    /// Give or take this much.
    pub within: Micros,
}

impl Skew {
    /// What follows when the other clock `said` this, `asked` at that time by this clock, with an answer that `took` so long.
    pub fn measured(asked: Micros, took: Micros, said: Micros) -> Self {
        let within = Micros(took.0.max(0) / 2);
        Self {
            ahead: Micros(said.0.saturating_sub(asked.0).saturating_sub(within.0)),
            within,
        }
    }

    /// Milliseconds by which the clocks are apart for certain, whichever is ahead.
    pub fn certain_millis(self) -> i64 {
        (self.ahead.0.saturating_abs().saturating_sub(self.within.0)).max(0) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skew_is_certain_only_beyond_what_the_answer_took() {
        let skew = |took, said| Skew::measured(Micros(1_000_000), Micros(took), Micros(said));
        assert_eq!(skew(0, 1_700_000).certain_millis(), 700);
        assert_eq!(skew(0, 300_000).certain_millis(), 700);
        assert_eq!(skew(200_000, 1_700_000).ahead, Micros(600_000));
        assert_eq!(skew(200_000, 1_700_000).certain_millis(), 500);
        assert_eq!(skew(2_000_000, 2_100_000).certain_millis(), 0);
    }
}
