//! PostgreSQL's queue of notifications: when it is full, commits that notify fail.

use super::super::{Alarm, Cause, Finding, Severity};
use crate::member::sessions::QUEUE_FILLS_PERCENT;

/// Percent in use from which it is urgent.
const URGENT_PERCENT: i32 = 50;

/// The queue, if it fills.
pub(super) fn filling(percent: i32) -> Option<Finding> {
    let severity = match percent {
        URGENT_PERCENT.. => Severity::Critical,
        QUEUE_FILLS_PERCENT.. => Severity::Warning,
        _ => return None,
    };
    Some(Finding {
        cause: Cause::new(Alarm::NotificationQueue, "queue"),
        severity,
        text: format!("{percent} % of PostgreSQL's queue of notifications is in use"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_fills_is_found_long_before_it_is_full() {
        let severity = |percent| filling(percent).map(|found| found.severity);
        assert_eq!(severity(9), None);
        assert_eq!(severity(10), Some(Severity::Warning));
        assert_eq!(severity(49), Some(Severity::Warning));
        assert_eq!(severity(50), Some(Severity::Critical));
    }
}
