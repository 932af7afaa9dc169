//! Certificates and lists that end.

use super::super::{Alarm, Cause, Finding, Severity};
use crate::certificate::renewal::is_overdue;
use crate::clock::Micros;

const DAY_SECONDS: i64 = 86_400;

/// A certificate or a list, and when it ends.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// `node`, `ca`, `crl` or `rest`.
    pub name: &'static str,
    /// The last second it is good, in seconds since 1970.
    pub ends: i64,
    /// From when on this node makes it anew by itself; `None` when somebody else has to.
    pub renewed_from: Option<i64>,
}

impl Certificate {
    /// Whole days it is still good at `now`; negative when it has ended.
    pub fn days_left(&self, now: Micros) -> i64 {
        (self.ends - now.0 / 1_000_000).div_euclid(DAY_SECONDS)
    }

    /// Is its end to be feared? Not while there is time enough that it is made anew: its life may be short by choice.
    fn is_feared(&self, now: Micros) -> bool {
        let overdue = |from| is_overdue(from, self.ends, now.0 / 1_000_000);
        self.renewed_from.is_none_or(overdue)
    }
}

/// Those that end soon or have ended.
pub(super) fn expiring(certificates: &[Certificate], now: Micros) -> Vec<Finding> {
    let feared = certificates.iter().filter(|certificate| certificate.is_feared(now));
    let soon = feared.filter_map(|certificate| {
        let left = certificate.ends - now.0 / 1_000_000;
        let severity = if left <= DAY_SECONDS {
            Severity::Critical
        } else if left <= 7 * DAY_SECONDS {
            Severity::Error
        } else if left <= 30 * DAY_SECONDS {
            Severity::Warning
        } else {
            return None;
        };
        let what = match certificate.name {
            "node" => "this node's certificate",
            "ca" => "the certificate of the cluster's authority",
            "crl" => "the revocation list",
            _ => "the certificate of this node's REST",
        };
        let text = match certificate.days_left(now) {
            ..0 => format!("{what} has ended"),
            days => format!("{what} ends in {days} days"),
        };
        Some(Finding {
            cause: Cause::new(Alarm::CertificateExpiring, certificate.name),
            severity,
            text,
        })
    });
    soon.collect()
}

/// A revocation list that cannot be used.
pub(super) fn unchecked(list: &Result<(), String>) -> Option<Finding> {
    let why = list.as_ref().err()?;
    Some(Finding {
        cause: Cause::new(Alarm::RevocationUnchecked, "crl"),
        severity: Severity::Error,
        text: format!("this node cannot tell certificates of removed nodes from others: {why}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_cannot_be_used_is_told_with_the_reason() {
        assert_eq!(unchecked(&Ok(())), None);
        let found = unchecked(&Err("there is no revocation list".to_owned())).unwrap();
        assert!(
            found.text.ends_with("from others: there is no revocation list"),
            "{}",
            found.text
        );
    }

    const NOW: Micros = Micros(1_700_000_000_000_000);

    fn found(seconds_left: i64) -> Option<(Severity, String)> {
        let certificate = Certificate {
            name: "node",
            ends: NOW.0 / 1_000_000 + seconds_left,
            renewed_from: None,
        };
        let found = expiring(&[certificate], NOW).pop();
        found.map(|found| (found.severity, found.text))
    }

    #[test]
    fn it_is_told_thirty_seven_and_one_day_before_and_after() {
        let told = |days: i64| found(days * DAY_SECONDS).map(|(severity, _)| severity);
        assert_eq!(told(31), None);
        assert_eq!(told(30), Some(Severity::Warning));
        assert_eq!(told(7), Some(Severity::Error));
        assert_eq!(told(1), Some(Severity::Critical));
        assert_eq!(told(-400), Some(Severity::Critical));
    }

    #[test]
    fn what_is_renewed_in_time_is_not_told_however_short_its_life_is() {
        let told = |renewed_from: i64, ends: i64| {
            let at = |seconds: i64| NOW.0 / 1_000_000 + seconds;
            let certificate = Certificate {
                name: "node",
                ends: at(ends),
                renewed_from: Some(at(renewed_from)),
            };
            expiring(&[certificate], NOW).len()
        };
        assert_eq!(told(40, 60), 0, "it is not yet time");
        assert_eq!(told(-5, 15), 0, "it is being made");
        assert_eq!(told(-10, 10), 1, "it should be there by now");
    }

    #[test]
    fn the_text_says_how_many_whole_days_are_left() {
        assert_eq!(
            found(6 * DAY_SECONDS + 5).unwrap().1,
            "this node's certificate ends in 6 days"
        );
        assert_eq!(found(-1).unwrap().1, "this node's certificate has ended");
    }
}
