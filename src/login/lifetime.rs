//! How long tokens are good, and which times in a token cannot be those of one that this cluster issued.
//!
//! Times are whole seconds since 1970, as tokens have them.

use serde::{Deserialize, Serialize};

/// Seconds an access token is good for, as clients expect it.
pub const ACCESS_SECONDS: i64 = 300;

/// Seconds a refresh token is good for: 30 days.
pub const REFRESH_SECONDS: i64 = 30 * 24 * 3600;

/// Seconds after the log-in with the password at which every refresh token that comes of it has ended, however often it
/// was exchanged for a new one: 90 days.
pub const SESSION_SECONDS: i64 = 90 * 24 * 3600;

/// How far the clocks of two members may be apart, in seconds, without a fresh token being too old, or of the future, on
/// the other.
pub const LEEWAY_SECONDS: i64 = 10;

/// What a token is for. One kind is never taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Calls.
    Access,
    /// Further tokens.
    Refresh,
}

/// The times in a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it was issued.
    pub issued: i64,
    /// Before then it is not good, if that is said. No version issues such tokens.
    pub not_before: Option<i64>,
    /// When it ends.
    pub end: i64,
}

/// Why a token is not good now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untimely {
    /// Its time has passed.
    Expired,
    /// Its times are none that this cluster gives.
    Impossible,
}

impl Purpose {
    /// The end of a token that is issued now, of a log-in with the password at `logged_in`.
    pub fn end(self, now: i64, logged_in: i64) -> i64 {
        let own = now.saturating_add(self.seconds());
        match self {
            Self::Access => own,
            Self::Refresh => own.min(logged_in.saturating_add(SESSION_SECONDS)),
        }
    }

    fn seconds(self) -> i64 {
        match self {
            Self::Access => ACCESS_SECONDS,
            Self::Refresh => REFRESH_SECONDS,
        }
    }
}

impl Times {
    /// Checks all times.
    ///
    /// # Errors
    /// Why the token is not good now.
    pub fn check(self, purpose: Purpose, now: i64) -> Result<(), Untimely> {
        self.check_possible(purpose, now)?;
        if self.end.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(Untimely::Expired);
        }
        Ok(())
    }

    /// Checks all but whether it has ended.
    ///
    /// # Errors
    /// When no node of this cluster can have issued it by now.
    pub fn check_possible(self, purpose: Purpose, now: i64) -> Result<(), Untimely> {
        let latest = now.saturating_add(LEEWAY_SECONDS);
        let is_early = self.not_before.is_some_and(|not_before| not_before > latest);
        let is_far = self.end > latest.saturating_add(purpose.seconds());
        let is_long = self.end.saturating_sub(self.issued) > purpose.seconds();
        if is_early || is_far || is_long {
            return Err(Untimely::Impossible);
        }
        Ok(())
    }
}

/// Is an access token of an account good whose password was set at `account`, if there is the account? Microseconds since
/// 1970.
///
/// One that rests on a newer password is good too: another member has it, and this one will hear of it.
pub fn rests_on_password(token: i64, account: Option<i64>) -> bool {
    account.is_some_and(|account| token >= account)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;
    const DAY: i64 = 24 * 3600;

    fn times(end: i64) -> Times {
        Times {
            issued: end - ACCESS_SECONDS,
            not_before: None,
            end,
        }
    }

    #[test]
    fn a_token_is_good_until_its_end_and_a_little_leeway() {
        let ends = |end| times(NOW + end).check(Purpose::Access, NOW);
        assert_eq!(ends(1), Ok(()));
        assert_eq!(ends(1 - LEEWAY_SECONDS), Ok(()));
        assert_eq!(ends(-LEEWAY_SECONDS), Err(Untimely::Expired));
    }

    #[test]
    fn an_end_that_no_member_can_have_given_is_refused_also_of_a_token_that_may_be_old() {
        let far = |end| times(NOW + end).check_possible(Purpose::Access, NOW);
        assert_eq!(far(ACCESS_SECONDS + LEEWAY_SECONDS), Ok(()));
        assert_eq!(far(ACCESS_SECONDS + LEEWAY_SECONDS + 1), Err(Untimely::Impossible));
        assert_eq!(far(i64::MAX - NOW), Err(Untimely::Impossible));
        let long = Times {
            issued: NOW - 301,
            ..times(NOW)
        };
        assert_eq!(long.check_possible(Purpose::Access, NOW), Err(Untimely::Impossible));
        assert_eq!(long.check_possible(Purpose::Refresh, NOW), Ok(()));
    }

    #[test]
    fn a_token_that_is_for_later_is_refused_and_clocks_may_differ_a_little() {
        let from = |not_before| {
            let not_before = Some(NOW + not_before);
            Times {
                not_before,
                ..times(NOW + 1)
            }
            .check(Purpose::Access, NOW)
        };
        assert_eq!(from(LEEWAY_SECONDS), Ok(()));
        assert_eq!(from(LEEWAY_SECONDS + 1), Err(Untimely::Impossible));
    }

    #[test]
    fn refresh_tokens_end_ninety_days_after_the_log_in_however_often_they_are_exchanged() {
        let (mut now, mut exchanges) = (NOW, 0);
        loop {
            let end = Purpose::Refresh.end(now, NOW);
            assert!(end <= NOW + 90 * DAY);
            if end - now < 2 * DAY {
                break;
            }
            // A day before its end.
            (now, exchanges) = (end - DAY, exchanges + 1);
        }
        assert!((3..6).contains(&exchanges), "{exchanges}");
        assert_eq!(Purpose::Refresh.end(NOW + 91 * DAY, NOW), NOW + 90 * DAY);
        assert_eq!(Purpose::Access.end(NOW + 89 * DAY, NOW), NOW + 89 * DAY + 300);
    }

    #[test]
    fn an_access_token_rests_on_the_password_in_force_or_a_newer_one() {
        assert!(rests_on_password(7, Some(7)) && rests_on_password(8, Some(7)));
        assert!(!rests_on_password(6, Some(7)) && !rests_on_password(7, None));
    }
}
