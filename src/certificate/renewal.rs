//! When a certificate or a revocation list is made anew. Times are seconds since 1970.

use std::time::Duration;

/// Certificates and lists are good from a day before they were made.
///
/// Their beginning protects nothing, for nobody has one before it is made; and a node whose clock is behind, by a wrong
/// time zone or day, would refuse everybody of a young cluster.
pub const BACKDATE_SECONDS: i64 = 86_400;

/// How long what is made is good, and when it is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// A node's certificate.
    pub certificate: Duration,
    /// How long before its end it is renewed; a third of its life when `None`.
    pub renewed_before: Option<Duration>,
    /// A revocation list.
    pub list: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            certificate: Duration::from_hours(365 * 24),
            renewed_before: None,
            // Each member makes its list itself and never fetches one: the end of a list protects nobody, and past it
            // everybody is refused.
            list: Duration::from_hours(3650 * 24),
        }
    }
}

impl Lifetimes {
    /// From when on a certificate with these dates is renewed: not in the first half of its life, whatever is set.
    pub fn renewed_from(&self, not_before: i64, not_after: i64) -> i64 {
        let life = not_after.saturating_sub(made_at(not_before)).max(0);
        let before = self.renewed_before.map_or(life / 3, seconds);
        not_after - before.min(life / 2)
    }

    /// From when on a list that ends at `not_after` is made anew: half of its life.
    pub fn list_renewed_from(&self, not_after: i64) -> i64 {
        not_after - seconds(self.list) / 2
    }
}

/// Is a thing with these dates to be made anew at `now`? One from the future too: it was made by a clock that was wrong,
/// and others refuse it.
pub fn is_due(not_before: i64, renewed_from: i64, now: i64) -> bool {
    now >= renewed_from || now < not_before
}

/// A node's certificate, as far as it matters for whether the node gets another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installed {
    /// The first second it is good, in seconds since 1970.
    pub not_before: i64,
    /// From when on it is renewed.
    pub renewed_from: i64,
    /// Does it name the node beside its address? Those of earlier versions do not, and peers then check the address alone.
    pub names_node: bool,
    /// Was it issued by the authority that would issue the next one?
    pub is_of_signing: bool,
}

impl Installed {
    /// Does the node get another one at `now`?
    pub fn is_outlived(&self, now: i64) -> bool {
        is_due(self.not_before, self.renewed_from, now) || !self.names_node || !self.is_of_signing
    }
}

/// Should it have been made anew long ago? From the middle between the time for it and the end on.
pub fn is_overdue(renewed_from: i64, not_after: i64, now: i64) -> bool {
    now >= renewed_from + (not_after - renewed_from) / 2
}

/// When what is good from `not_before` on was made.
fn made_at(not_before: i64) -> i64 {
    not_before.saturating_add(BACKDATE_SECONDS)
}

/// A duration in whole seconds.
pub fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADE: i64 = 1_700_000_000;
    const BEGINS: i64 = MADE - BACKDATE_SECONDS;

    #[test]
    fn a_certificate_is_replaced_when_it_is_time_or_it_lacks_something() {
        let good = Installed {
            not_before: BEGINS,
            renewed_from: MADE + 100,
            names_node: true,
            is_of_signing: true,
        };
        assert!(!good.is_outlived(MADE) && good.is_outlived(MADE + 100));
        let of_an_earlier_version = Installed {
            names_node: false,
            ..good
        };
        assert!(of_an_earlier_version.is_outlived(MADE));
        let of_the_old_authority = Installed {
            is_of_signing: false,
            ..good
        };
        assert!(of_the_old_authority.is_outlived(MADE));
    }

    fn renewed_from(renewed_before: Option<u64>, life: i64) -> i64 {
        let lifetimes = Lifetimes {
            renewed_before: renewed_before.map(Duration::from_secs),
            ..Lifetimes::default()
        };
        lifetimes.renewed_from(BEGINS, MADE + life) - MADE
    }

    #[test]
    fn a_certificate_is_renewed_at_two_thirds_of_its_life_or_as_long_before_its_end_as_is_set() {
        assert_eq!(renewed_from(None, 90), 60);
        assert_eq!(renewed_from(Some(10), 90), 80);
    }

    #[test]
    fn a_certificate_is_never_renewed_in_the_first_half_of_its_life() {
        assert_eq!(renewed_from(Some(1000), 90), 45);
        // Made by somebody else, without a day of grace.
        assert_eq!(Lifetimes::default().renewed_from(MADE, MADE + 60), MADE + 60);
    }

    #[test]
    fn what_comes_from_the_future_is_made_anew() {
        assert!(is_due(BEGINS, MADE, BEGINS - 1));
        assert!(!is_due(BEGINS, MADE, BEGINS) && is_due(BEGINS, MADE, MADE));
    }

    #[test]
    fn it_is_overdue_when_half_of_the_time_for_it_has_passed() {
        assert!(!is_overdue(60, 90, 74) && is_overdue(60, 90, 75));
    }

    #[test]
    fn a_list_is_made_anew_at_half_of_its_life() {
        let lifetimes = Lifetimes {
            list: Duration::from_secs(100),
            ..Lifetimes::default()
        };
        assert_eq!(lifetimes.list_renewed_from(MADE + 100), MADE + 50);
    }
}
