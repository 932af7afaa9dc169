//! Time comes in from outside, so that tests can turn it.
//!
//! This file only names the unit and the trait. The one real clock is in `appliance/src/clock.rs`.

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01 UTC, the unit of row versions and heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Micros(pub i64);

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
