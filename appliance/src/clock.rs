//! The machine's clock: the one place that reads it.
//!
//! Everything else takes a [`Clock`], so that tests can turn it.

use keystead::clock::{Clock, Micros};

/// This machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where time comes in")]
    fn now(&self) -> Micros {
        Micros(chrono::Utc::now().timestamp_micros())
    }
}
