//! A disk that fills.

use std::collections::BTreeMap;

use super::super::{Alarm, Cause, Finding, Raised, Severity};
use crate::summary::size;

/// Percent used from which somebody is told.
const TOLD_AT: u64 = 70;

/// Percent used from which it is urgent.
const URGENT_AT: u64 = 85;

/// What is raised stays until so many percent less are used, or it would come and go.
const SLACK: u64 = 2;

/// How full a disk is. Bytes.
#[derive(Debug, Clone, Copy)]
pub struct Disk {
    /// Used by anybody.
    pub used: u64,
    /// Left for this node.
    pub free: u64,
}

impl Disk {
    /// Percent used of what can be used, as `df` counts it.
    pub fn percent(self) -> u64 {
        let all = self.used.saturating_add(self.free);
        self.used.saturating_mul(100).checked_div(all).unwrap_or_default()
    }
}

/// The disk, if it fills.
pub(super) fn filling(disk: &Disk, raised: &BTreeMap<Cause, Raised>) -> Option<Finding> {
    let cause = Cause::new(Alarm::Disk, "data");
    let before = raised.get(&cause).map(|raised| raised.severity);
    let percent = disk.percent();
    let limit = |at: u64, severity: Severity| {
        let is_raised = before.is_some_and(|before| before <= severity);
        percent >= if is_raised { at - SLACK } else { at }
    };
    let severity = if limit(URGENT_AT, Severity::Critical) {
        Severity::Critical
    } else if limit(TOLD_AT, Severity::Warning) {
        Severity::Warning
    } else {
        return None;
    };
    let free = size(i64::try_from(disk.free).unwrap_or(i64::MAX));
    let text = format!("{percent} % of the disk under the data folder is used, {free} are free");
    Some(Finding { cause, severity, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Micros;

    fn severity(percent: u64, before: Option<Severity>) -> Option<Severity> {
        let raised = before.map(|severity| {
            let raised = Raised {
                severity,
                text: String::new(),
                told: Micros(0),
            };
            (Cause::new(Alarm::Disk, "data"), raised)
        });
        let disk = Disk {
            used: percent << 30,
            free: (100 - percent) << 30,
        };
        filling(&disk, &raised.into_iter().collect()).map(|found| found.severity)
    }

    #[test]
    fn seventy_is_told_and_eighty_five_is_urgent() {
        assert_eq!(severity(69, None), None);
        assert_eq!(severity(70, None), Some(Severity::Warning));
        assert_eq!(severity(84, None), Some(Severity::Warning));
        assert_eq!(severity(85, None), Some(Severity::Critical));
    }

    #[test]
    fn what_wavers_around_a_limit_stays() {
        assert_eq!(severity(69, Some(Severity::Warning)), Some(Severity::Warning));
        assert_eq!(severity(67, Some(Severity::Warning)), None);
        assert_eq!(severity(84, Some(Severity::Critical)), Some(Severity::Critical));
        assert_eq!(severity(84, Some(Severity::Warning)), Some(Severity::Warning));
        assert_eq!(severity(82, Some(Severity::Critical)), Some(Severity::Warning));
    }
}
