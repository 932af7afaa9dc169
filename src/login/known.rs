//! Which sources have logged in to which account before. Bounded, and kept over a restart: it is a file of the node.
//!
//! Being known is no credential. It decides whose turn comes, and which budget a wrong password is charged to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AccountName, Attempt, Source};
use crate::clock::Micros;

/// Sources that are remembered of one account. Whoever has one account cannot make others forgotten.
const SOURCES: usize = 32;

/// Accounts that are remembered.
const ACCOUNTS: usize = 1024;

/// A source that has not logged in for so long is not known any more: 90 days, in microseconds.
const FORGOTTEN_AFTER: i64 = 90 * 24 * 3_600_000_000;

/// What was written down may be so old before it is written again: a day, in microseconds.
const WRITTEN_EVERY: i64 = 24 * 3_600_000_000;

/// The sources of right log-ins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KnownSources(BTreeMap<AccountName, BTreeMap<Source, Micros>>);

impl KnownSources {
    /// Has this source logged in to this account?
    pub fn knows(&self, attempt: &Attempt, now: Micros) -> bool {
        let sources = self.0.get(&attempt.account);
        let last = sources.and_then(|sources| sources.get(&attempt.source));
        // The clock may have been set back since.
        last.is_some_and(|last| now.0.saturating_sub(last.0) < FORGOTTEN_AFTER)
    }

    /// Remembers a right log-in. Whether that is worth writing down.
    pub fn note(&mut self, attempt: &Attempt, now: Micros) -> bool {
        if !self.0.contains_key(&attempt.account) && self.0.len() >= ACCOUNTS {
            let newest = |sources: &BTreeMap<Source, Micros>| sources.values().max().copied();
            let oldest = self.0.iter().min_by_key(|(_, sources)| newest(sources));
            let oldest = oldest.map(|(account, _)| account.clone());
            oldest.and_then(|account| self.0.remove(&account));
        }
        let sources = self.0.entry(attempt.account.clone()).or_default();
        if !sources.contains_key(&attempt.source) && sources.len() >= SOURCES {
            let oldest = sources.iter().min_by_key(|(_, last)| **last);
            let oldest = oldest.map(|(source, _)| *source);
            oldest.and_then(|source| sources.remove(&source));
        }
        let before = sources.get(&attempt.source).copied();
        let is_worth_it = before.is_none_or(|before| !(0..WRITTEN_EVERY).contains(&now.0.saturating_sub(before.0)));
        if is_worth_it {
            sources.insert(attempt.source, now);
        }
        is_worth_it
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3_600_000_000;
    const NOW: Micros = Micros(1_800_000_000_000_000);

    fn attempt(account: &str, last: u8) -> Attempt {
        Attempt {
            account: AccountName::of(account),
            source: Source::of([10, 0, 0, last].into()),
        }
    }

    #[test]
    fn a_source_is_known_for_the_account_it_logged_in_to_until_it_stays_away() {
        let mut known = KnownSources::default();
        assert!(!known.knows(&attempt("admin", 1), NOW));
        assert!(known.note(&attempt("admin", 1), NOW), "the first is worth writing down");
        assert!(known.knows(&attempt("admin", 1), NOW));
        assert!(!known.knows(&attempt("admin", 2), NOW) && !known.knows(&attempt("other", 1), NOW));
        assert!(known.knows(&attempt("admin", 1), Micros(NOW.0 + 89 * DAY)));
        assert!(!known.knows(&attempt("admin", 1), Micros(NOW.0 + 90 * DAY)));
        assert!(
            known.knows(&attempt("admin", 1), Micros(NOW.0 - DAY)),
            "a clock that was set back"
        );
    }

    #[test]
    fn a_source_that_logs_in_often_is_written_down_once_a_day() {
        let mut known = KnownSources::default();
        let after = |micros| Micros(NOW.0 + micros);
        let worth: Vec<bool> = [0, 1, DAY - 1, DAY, DAY + 1]
            .map(|micros| known.note(&attempt("admin", 1), after(micros)))
            .to_vec();
        assert_eq!(worth, [true, false, false, true, false]);
    }

    #[test]
    fn what_is_remembered_is_bounded_for_each_account_by_itself() {
        let mut known = KnownSources::default();
        known.note(&attempt("admin", 1), NOW);
        for last in 0..=255 {
            known.note(&attempt("other", last), Micros(NOW.0 + i64::from(last)));
        }
        assert!(known.knows(&attempt("admin", 1), NOW));
        assert!(known.knows(&attempt("other", 255), NOW) && !known.knows(&attempt("other", 0), NOW));
        assert_eq!(known.0[&AccountName::of("other")].len(), SOURCES);
        for number in 0..2000 {
            known.note(&attempt(&format!("a{number}"), 1), Micros(NOW.0 + 1000 + number));
        }
        assert_eq!(known.0.len(), ACCOUNTS);
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let mut known = KnownSources::default();
        known.note(&attempt("ad\u{1b}min", 1), NOW);
        let text = serde_json::to_string(&known).unwrap();
        assert_eq!(serde_json::from_str::<KnownSources>(&text).unwrap(), known);
    }
}
