//! How long a waiting `ksctl` bears a node that says nothing good.
//!
//! Pure: the clock is the caller's. A node may restart in the middle of a join and go on, so silence is borne for a
//! while; but a join that went wrong must not be waited for without end.

use std::time::Duration;

use crate::failure::Failure;

/// How long nothing good may be heard without a break. A restart with crash recovery takes less.
const LONGEST: Duration = Duration::from_mins(5);

/// How often the credentials of the cluster may be refused in a row, so that waiting cannot lock the account.
const REFUSALS: u32 = 10;

/// What has been borne so far.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    bad_since: Option<Duration>,
    refusals: u32,
}

impl Patience {
    /// Something good was heard.
    pub(crate) fn renew(&mut self) {
        *self = Self::default();
    }

    /// Nothing good was heard at `now`, a time since anything; `failure` is given back when it has been too long.
    pub(crate) fn bear(&mut self, failure: Failure, now: Duration) -> Result<(), Failure> {
        let since = *self.bad_since.get_or_insert(now);
        if now.saturating_sub(since) > LONGEST {
            Err(failure)
        } else {
            Ok(())
        }
    }

    /// The node refused the credentials.
    pub(crate) fn bear_refusal(&mut self, failure: Failure) -> Result<(), Failure> {
        self.refusals += 1;
        if self.refusals < REFUSALS {
            return Ok(());
        }
        Err(failure.with_hint("the join goes on; log in to the node with the credentials of the cluster to see it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bear(patience: &mut Patience, second: u64) -> bool {
        patience
            .bear(Failure::unreachable("no answer"), Duration::from_secs(second))
            .is_ok()
    }

    #[test]
    fn silence_is_borne_for_five_minutes_without_a_break() {
        let mut patience = Patience::default();
        assert!(bear(&mut patience, 1000) && bear(&mut patience, 1300));
        assert!(!bear(&mut patience, 1301));
    }

    #[test]
    fn a_good_word_starts_the_time_anew() {
        let mut patience = Patience::default();
        assert!(bear(&mut patience, 1000));
        patience.renew();
        assert!(bear(&mut patience, 1301));
    }

    #[test]
    fn refused_credentials_are_not_tried_for_ever() {
        let mut patience = Patience::default();
        let mut refused = || patience.bear_refusal(Failure::answered(401, "no")).is_err();
        let tries = (1..100).find(|_| refused());
        assert_eq!(tries, Some(10));
    }
}
