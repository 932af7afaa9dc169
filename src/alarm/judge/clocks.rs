//! Clocks that are apart, as measured by asking the other node.
//!
//! Both sides measure, so both tell: the one says ahead, the other behind. Which of the two is wrong is not to be known
//! here. How a skew is measured: [`Skew`].

use std::collections::BTreeMap;

use super::super::{Alarm, Cause, Finding, Raised, Severity};
use crate::clock::Skew;

/// What is raised stays until the clocks are closer than this part of the limit, in percent, or it would come and go.
const SLACK_PERCENT: i64 = 80;

/// From where on clocks are too far apart, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Somebody is told.
    pub alarm: i64,
    /// It is urgent: a node with such a clock cannot join.
    pub join: i64,
}

/// The clocks of the others, as far as they were measured lately, by the id of the node.
#[derive(Debug, Clone)]
pub struct Clocks {
    /// Where each node is, for people, and how far its clock is ahead.
    pub skews: BTreeMap<String, (String, Skew)>,
    /// When that is too far.
    pub limits: Limits,
}

/// Members whose clocks are apart from this node's.
pub(super) fn skew(clocks: &Clocks, raised: &BTreeMap<Cause, Raised>) -> Vec<Finding> {
    let apart = clocks.skews.iter().filter_map(|(id, (host, skew))| {
        let cause = Cause::new(Alarm::ClockSkew, id);
        let severity = severity(skew.certain_millis(), clocks.limits, raised.get(&cause))?;
        let millis = skew.ahead.0 / 1000;
        let way = if millis < 0 { "behind" } else { "ahead of" };
        let text = format!("the clock of {host} is {} ms {way} this node's", millis.abs());
        Some(Finding { cause, severity, text })
    });
    apart.collect()
}

fn severity(millis: i64, limits: Limits, before: Option<&Raised>) -> Option<Severity> {
    let beyond = |limit: i64, severity: Severity| {
        let is_raised = before.is_some_and(|before| before.severity <= severity);
        millis.saturating_mul(100) >= limit.saturating_mul(if is_raised { SLACK_PERCENT } else { 100 })
    };
    if beyond(limits.join, Severity::Critical) {
        Some(Severity::Critical)
    } else if beyond(limits.alarm, Severity::Warning) {
        Some(Severity::Warning)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Micros;

    /// What is found of a node whose clock is this far ahead, asked with an answer that took so long. Milliseconds.
    fn found(ahead: i64, took: i64, before: Option<Severity>) -> Option<(Severity, String)> {
        let skew = Skew::measured(Micros(0), Micros(took * 1000), Micros((ahead + took / 2) * 1000));
        let clocks = Clocks {
            skews: BTreeMap::from([("b".to_owned(), ("10.0.0.2".to_owned(), skew))]),
            limits: Limits { alarm: 500, join: 5000 },
        };
        let raised = before.map(|severity| {
            let raised = Raised {
                severity,
                text: String::new(),
                told: Micros(0),
            };
            (Cause::new(Alarm::ClockSkew, "b"), raised)
        });
        let mut found = super::skew(&clocks, &raised.into_iter().collect());
        assert!(found.len() < 2);
        found.pop().map(|found| (found.severity, found.text))
    }

    #[test]
    fn half_a_second_either_way_is_told() {
        assert_eq!(found(499, 0, None), None);
        let ahead = "the clock of 10.0.0.2 is 640 ms ahead of this node's".to_owned();
        assert_eq!(found(640, 0, None), Some((Severity::Warning, ahead)));
        let behind = "the clock of 10.0.0.2 is 7000 ms behind this node's".to_owned();
        assert_eq!(found(-7000, 0, None), Some((Severity::Critical, behind)));
    }

    #[test]
    fn an_answer_that_was_long_on_its_way_proves_less() {
        assert_eq!(found(640, 400, None), None);
        assert!(found(940, 400, None).is_some());
    }

    #[test]
    fn what_wavers_around_a_limit_stays() {
        assert_eq!(found(410, 0, Some(Severity::Warning)).unwrap().0, Severity::Warning);
        assert_eq!(found(390, 0, Some(Severity::Warning)), None);
        assert_eq!(found(4100, 0, Some(Severity::Critical)).unwrap().0, Severity::Critical);
        assert_eq!(found(4100, 0, Some(Severity::Warning)).unwrap().0, Severity::Warning);
    }
}
