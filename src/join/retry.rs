//! When a stage's work fails: try again, or give up.
//!
//! One table, no exceptions elsewhere. A join tries again for ever on what may mend by itself (a member that restarts,
//! a network that flaps) and gives up on what will not (a refusal). Waiting itself is the driver's.

use std::time::Duration;

use crate::error::Kind;

/// What the driver does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The same stage again after a pause.
    TryAgain,
    /// The join has failed.
    GiveUp,
}

/// The verdict on a failure of `kind`.
pub fn verdict(kind: Kind) -> Verdict {
    match kind {
        Kind::Unavailable | Kind::ConsensusDown | Kind::Internal => Verdict::TryAgain,
        Kind::BadRequest
        | Kind::InvalidParam
        | Kind::Unauthorized
        | Kind::Forbidden
        | Kind::NotFound
        | Kind::Conflict
        | Kind::KeyExists
        | Kind::TooLarge
        | Kind::Unconfirmed
        | Kind::DiskFull
        | Kind::NotBuilt => Verdict::GiveUp,
    }
}

/// The pause before try number `failures + 1`: doubles from 200 ms to 5 s.
pub fn pause(failures: u32) -> Duration {
    let millis = 200_u64.saturating_mul(1 << failures.min(6));
    Duration::from_millis(millis.min(5_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_away_is_waited_for_and_a_refusal_is_final() {
        assert_eq!(verdict(Kind::Unavailable), Verdict::TryAgain);
        assert_eq!(verdict(Kind::Conflict), Verdict::GiveUp);
    }

    #[test]
    fn pauses_grow_and_are_bounded() {
        assert_eq!(pause(0), Duration::from_millis(200));
        assert!((1..100).all(|n| pause(n) >= pause(n - 1) && pause(n) <= Duration::from_secs(5)));
    }
}
