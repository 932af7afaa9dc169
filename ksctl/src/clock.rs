//! The one real clock of this program.
//!
//! Needed for one thing: to see that a stored token has run out without asking the appliance. Next: [`crate::token`].

use keystead::clock::{Clock, Micros};

/// This machine's wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Micros {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else takes")]
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
    }
}
