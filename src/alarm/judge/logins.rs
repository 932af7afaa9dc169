//! Log-ins that go wrong: a few are mistakes, many are somebody who tries.

use std::collections::BTreeMap;

use super::super::{Alarm, Cause, Finding, Raised, Severity};
use crate::login::Source;
use crate::login::tally::{Failures, MINUTES};

/// From so many on somebody is told, and from so many on it is worse.
const MANY: u64 = 30;
const VERY_MANY: u64 = 300;

/// Below this it is over.
const FEW: u64 = 10;

/// What went wrong in the last minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logins {
    /// How many.
    pub failures: Failures,
    /// Who tried the most.
    pub worst: Option<Source>,
}

/// What is to be told of them. No text of a stranger is in it: names of accounts are in the log.
pub(super) fn failing(logins: &Logins, raised: &BTreeMap<Cause, Raised>) -> Option<Finding> {
    let Failures { wrong, put_off } = logins.failures;
    let cause = Cause::new(Alarm::FailedLogins, "log-ins");
    let severity = match wrong.saturating_add(put_off) {
        VERY_MANY.. => Severity::Error,
        MANY.. => Severity::Warning,
        // What wavers around the limit is not raised and cleared.
        FEW.. if raised.contains_key(&cause) => Severity::Warning,
        _ => return None,
    };
    let worst = logins.worst.map_or_else(String::new, |source| {
        format!("; the most wrong ones came from {source}")
    });
    Some(Finding {
        cause,
        severity,
        text: format!("in {MINUTES} minutes {wrong} log-ins had a wrong password and {put_off} were put off{worst}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Micros;

    fn failed(wrong: u64, put_off: u64) -> Logins {
        Logins {
            failures: Failures { wrong, put_off },
            worst: Some(Source::of([10, 0, 0, 7].into())),
        }
    }

    #[test]
    fn many_are_told_with_the_source_and_without_a_word_of_a_stranger() {
        let severity = |wrong, put_off| failing(&failed(wrong, put_off), &BTreeMap::new()).map(|found| found.severity);
        assert_eq!(severity(29, 0), None);
        assert_eq!(severity(10, 20), Some(Severity::Warning));
        assert_eq!(severity(30, 269), Some(Severity::Warning));
        assert_eq!(severity(30, 270), Some(Severity::Error));
        assert_eq!(
            failing(&failed(30, 2600), &BTreeMap::new()).unwrap().text,
            "in 5 minutes 30 log-ins had a wrong password and 2600 were put off; the most wrong ones came from 10.0.0.7"
        );
    }

    #[test]
    fn it_is_over_when_there_are_few() {
        let told = Raised {
            severity: Severity::Warning,
            text: String::new(),
            told: Micros::default(),
        };
        let raised = BTreeMap::from([(Cause::new(Alarm::FailedLogins, "log-ins"), told)]);
        assert!(failing(&failed(10, 0), &raised).is_some());
        assert!(failing(&failed(9, 0), &raised).is_none());
        assert!(failing(&failed(10, 0), &BTreeMap::new()).is_none());
    }
}
