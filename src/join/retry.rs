//! When a stage's work fails: try again, or give up.
//!
//! One table, no exceptions elsewhere. A join tries again on what may mend by itself (a member that restarts, a network
//! that flaps) until one try after the other has failed for a minute, and gives up at once on what will not (a refusal).
//! Its turn it waits for as long as its ticket lasts. Waiting itself is the driver's; members that say nothing while a try
//! runs are judged in [`super::silence`].

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

/// How long one try after the other may fail.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A try that ran for so long was at work, and failed of something new.
const AT_WORK: Duration = Duration::from_secs(45);

/// Since when one try after the other has failed; times are since whenever the caller began.
#[derive(Debug, Default)]
pub struct Failing {
    since: Option<Duration>,
}

impl Failing {
    /// A stage has done its work.
    pub fn over(&mut self) {
        self.since = None;
    }

    /// The verdict on a try that began and ended at these times, and failed with `kind`.
    pub fn verdict(&mut self, kind: Kind, begin: Duration, end: Duration) -> Verdict {
        let verdict = verdict(kind);
        if kind == Kind::ConsensusDown || end.saturating_sub(begin) >= AT_WORK {
            self.over();
            return verdict;
        }
        let since = *self.since.get_or_insert(begin);
        let may_mend = matches!(kind, Kind::Unavailable | Kind::Internal);
        if may_mend && end.saturating_sub(since) >= PATIENCE {
            return Verdict::GiveUp;
        }
        verdict
    }
}

/// The verdict on a failure of `kind`.
fn verdict(kind: Kind) -> Verdict {
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
        | Kind::TooManyRequests
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

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_fails_again_and_again_ends_after_a_minute() {
        let mut failing = Failing::default();
        let mut verdict = |begin, end| failing.verdict(Kind::Unavailable, seconds(begin), seconds(end));
        assert_eq!(verdict(100, 101), Verdict::TryAgain);
        assert_eq!(verdict(106, 136), Verdict::TryAgain);
        assert_eq!(verdict(141, 160), Verdict::GiveUp);
    }

    #[test]
    fn a_turn_is_waited_for_and_work_that_was_done_counts() {
        let mut failing = Failing::default();
        for hour in 0..100 {
            let turn = failing.verdict(Kind::ConsensusDown, seconds(hour * 3600), seconds(hour * 3600 + 1));
            assert_eq!(turn, Verdict::TryAgain);
        }
        assert_eq!(
            failing.verdict(Kind::Unavailable, seconds(0), seconds(1)),
            Verdict::TryAgain
        );
        assert_eq!(
            failing.verdict(Kind::Unavailable, seconds(2), seconds(70)),
            Verdict::TryAgain
        );
        assert_eq!(
            failing.verdict(Kind::Unavailable, seconds(75), seconds(76)),
            Verdict::TryAgain
        );
        failing.over();
        assert_eq!(
            failing.verdict(Kind::Unavailable, seconds(500), seconds(501)),
            Verdict::TryAgain
        );
    }

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
