//! What is kept for members that do not fetch it: how much is left before it is given up, and what was given up.

use std::collections::BTreeMap;

use super::super::{Alarm, Cause, Finding, Severity};
use crate::summary::size;

/// The part of the limit at which somebody is told, in percent.
const TOLD_AT: i64 = 50;

/// The part of the limit at which it is urgent, in percent.
const URGENT_AT: i64 = 85;

/// The slot this node keeps for a member.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Where the member is, for people.
    pub host: String,
    /// What is kept; `None` when there is no slot.
    pub retention: Option<Retention>,
}

/// How much is kept in a slot. Bytes of WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// What the member has not fetched was given up.
    pub lost: bool,
    /// Kept now.
    pub kept: i64,
    /// May still be written before it is given up; `None` when there is no limit.
    pub left: Option<i64>,
    /// Written in a second lately; 0 when that is not known yet.
    pub per_second: i64,
}

impl Retention {
    /// How much of the limit is used, in percent.
    fn used(&self) -> Option<i64> {
        let left = self.left?.max(0);
        self.kept
            .saturating_mul(100)
            .checked_div(self.kept.saturating_add(left))
    }

    /// Seconds until it is given up at the speed of lately.
    pub fn seconds_left(&self) -> Option<i64> {
        self.left?.max(0).checked_div(self.per_second)
    }
}

/// Members for which nothing is kept any more.
pub(super) fn lost(slots: &BTreeMap<String, Slot>) -> Vec<Finding> {
    let lost = slots.iter().filter_map(|(id, slot)| {
        let what = match slot.retention {
            None => "no slot is kept for it",
            Some(retention) if retention.lost => "changes it has not fetched are gone",
            Some(_) => return None,
        };
        Some(Finding {
            cause: Cause::new(Alarm::SlotLost, id),
            severity: Severity::Critical,
            text: format!("{} lacks changes of this node: {what}", slot.host),
        })
    });
    lost.collect()
}

/// Members for which much is kept.
pub(super) fn retention(slots: &BTreeMap<String, Slot>) -> Vec<Finding> {
    let much = slots.iter().filter_map(|(id, slot)| {
        let retention = slot.retention.filter(|retention| !retention.lost)?;
        let used = retention.used()?;
        let severity = match used {
            URGENT_AT.. => Severity::Critical,
            TOLD_AT.. => Severity::Warning,
            _ => return None,
        };
        let left = size(retention.left.unwrap_or_default());
        Some(Finding {
            cause: Cause::new(Alarm::SlotRetention, id),
            severity,
            text: format!(
                "{} are kept for {}, {used} % of the limit; {left} are left{}",
                size(retention.kept),
                slot.host,
                time_left(&retention)
            ),
        })
    });
    much.collect()
}

fn time_left(retention: &Retention) -> String {
    let Some(seconds) = retention.seconds_left() else {
        return String::new();
    };
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!(", about {minutes} minutes at the present rate"),
        (0, _) => format!(", about {hours} hours at the present rate"),
        (days, hours) => format!(", about {days} days and {hours} hours at the present rate"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: i64 = 1 << 30;

    fn slots(retention: Option<Retention>) -> BTreeMap<String, Slot> {
        let slot = Slot {
            host: "10.0.0.2".to_owned(),
            retention,
        };
        BTreeMap::from([("b".to_owned(), slot)])
    }

    fn kept(kept: i64, left: i64, per_second: i64) -> Retention {
        Retention {
            lost: false,
            kept,
            left: Some(left),
            per_second,
        }
    }

    #[test]
    fn what_is_kept_is_told_with_bytes_and_time_that_are_left() {
        let found = retention(&slots(Some(kept(20 * GB, 20 * GB, 100_000))));
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(
            found[0].text,
            "20 GB are kept for 10.0.0.2, 50 % of the limit; 20 GB are left, about 2 days and 11 hours at the present rate"
        );
        assert_eq!(
            retention(&slots(Some(kept(36 * GB, 4 * GB, 0))))[0].severity,
            Severity::Critical
        );
        assert!(
            retention(&slots(Some(kept(36 * GB, 4 * GB, 0))))[0]
                .text
                .ends_with("are left")
        );
        assert!(retention(&slots(Some(kept(GB, 20 * GB, 1)))).is_empty());
    }

    #[test]
    fn without_a_limit_nothing_is_ever_given_up() {
        let endless = Retention {
            lost: false,
            kept: 90 * GB,
            left: None,
            per_second: 1,
        };
        assert!(retention(&slots(Some(endless))).is_empty());
    }

    #[test]
    fn a_slot_that_is_lost_or_not_there_is_found_and_not_told_twice() {
        let gone = Retention {
            lost: true,
            kept: 0,
            left: None,
            per_second: 0,
        };
        assert_eq!(lost(&slots(Some(gone))).len(), 1);
        assert!(retention(&slots(Some(gone))).is_empty());
        assert_eq!(
            lost(&slots(None))[0].text,
            "10.0.0.2 lacks changes of this node: no slot is kept for it"
        );
        assert!(lost(&slots(Some(kept(GB, GB, 0)))).is_empty());
    }
}
