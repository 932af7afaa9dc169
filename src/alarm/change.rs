//! What is to be written and sent: the difference between what is wrong now and what is raised already.
//!
//! Saying the same again is no change, so a look that finds what the one before found costs nothing. An alarm whose kind
//! was not looked at, because the facts could not be had, stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use super::{Alarm, Cause, Finding, Raised};
use crate::clock::Micros;

/// A text that changes all the time (days left, bytes left) is written anew this often at the most.
const RETELL_AFTER_MILLIS: i64 = 300_000;

/// What a look found.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The alarms that were looked for: what is raised of them and was not found is over.
    pub looked_for: BTreeSet<Alarm>,
    /// What was found.
    pub found: Vec<Finding>,
}

impl Look {
    /// Adds what was found when looking for `alarm`.
    pub fn add(&mut self, alarm: Alarm, found: impl IntoIterator<Item = Finding>) {
        self.looked_for.insert(alarm);
        self.found.extend(found);
    }
}

/// What an alarm was told to be by the part that knows, since the last look: `None` is that it is over.
pub type Told = BTreeMap<Cause, Option<Finding>>;

/// Since when each condition holds that has not held long enough to be raised.
pub type Settling = BTreeMap<Cause, Micros>;

/// One thing to write and send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is wrong now and was not before, or is worse than before: a new episode, not acknowledged by anybody.
    Raise(Finding),
    /// It is as wrong as before or less, in other words. Nobody need be told.
    Retell(Finding),
    /// It is over.
    Clear(Cause),
}

/// The changes from what is `raised` to what a look found and other parts told. `settling` is carried from look to look.
pub fn changes(
    raised: &BTreeMap<Cause, Raised>,
    look: &Look,
    told: &Told,
    settling: &mut Settling,
    now: Micros,
) -> Vec<Change> {
    let mut wanted: BTreeMap<&Cause, &Finding> = look.found.iter().map(|found| (&found.cause, found)).collect();
    wanted.extend(told.iter().filter_map(|(cause, told)| Some((cause, told.as_ref()?))));
    settling.retain(|cause, _| wanted.contains_key(cause) && !raised.contains_key(cause));
    let over = raised.keys().filter(|cause| {
        let looked_for = look.looked_for.contains(&cause.alarm);
        !wanted.contains_key(cause) && (looked_for || told.contains_key(*cause))
    });
    let mut list: Vec<Change> = over.cloned().map(Change::Clear).collect();
    for (cause, finding) in wanted {
        let change = match raised.get(cause) {
            Some(before) => again(before, finding, now),
            None if holds_long_enough(finding, settling, now) => Some(Change::Raise(finding.clone())),
            None => None,
        };
        list.extend(change);
    }
    list
}

fn again(before: &Raised, finding: &Finding, now: Micros) -> Option<Change> {
    if finding.severity < before.severity {
        return Some(Change::Raise(finding.clone()));
    }
    let better = finding.severity > before.severity;
    let stale = finding.text != before.text && now.millis_since(before.told) >= RETELL_AFTER_MILLIS;
    (better || stale).then(|| Change::Retell(finding.clone()))
}

fn holds_long_enough(finding: &Finding, settling: &mut Settling, now: Micros) -> bool {
    let since = *settling.entry(finding.cause.clone()).or_insert(now);
    now.millis_since(since) >= finding.cause.alarm.entry().after_millis
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    const NOW: Micros = Micros(1_700_000_000_000_000);

    fn later(seconds: i64) -> Micros {
        Micros(NOW.0 + seconds * 1_000_000)
    }

    fn disk(severity: Severity, text: &str) -> Finding {
        Finding {
            cause: Cause::new(Alarm::Disk, "data"),
            severity,
            text: text.to_owned(),
        }
    }

    fn look(found: Vec<Finding>) -> Look {
        let mut look = Look::default();
        look.add(Alarm::Disk, found);
        look
    }

    /// Raised alarms that follow every change, as the rows do.
    #[derive(Default)]
    struct Rows {
        raised: BTreeMap<Cause, Raised>,
        settling: Settling,
    }

    impl Rows {
        fn follow(&mut self, look: &Look, told: &Told, now: Micros) -> Vec<Change> {
            let list = changes(&self.raised, look, told, &mut self.settling, now);
            for change in &list {
                match change {
                    Change::Raise(finding) | Change::Retell(finding) => {
                        let raised = Raised {
                            severity: finding.severity,
                            text: finding.text.clone(),
                            told: now,
                        };
                        self.raised.insert(finding.cause.clone(), raised);
                    }
                    Change::Clear(cause) => drop(self.raised.remove(cause)),
                }
            }
            list
        }
    }

    #[test]
    fn what_is_found_again_is_no_change_and_what_is_over_is_cleared() {
        let mut rows = Rows::default();
        let full = look(vec![disk(Severity::Warning, "71 %")]);
        let nothing = Told::new();
        assert_eq!(
            rows.follow(&full, &nothing, NOW),
            [Change::Raise(disk(Severity::Warning, "71 %"))]
        );
        assert_eq!(rows.follow(&full, &nothing, later(1)), []);
        assert_eq!(
            rows.follow(&look(vec![]), &nothing, later(2)),
            [Change::Clear(Cause::new(Alarm::Disk, "data"))]
        );
        assert_eq!(rows.follow(&look(vec![]), &nothing, later(3)), []);
    }

    #[test]
    fn what_was_not_looked_for_stays() {
        let mut rows = Rows::default();
        rows.follow(&look(vec![disk(Severity::Warning, "71 %")]), &Told::new(), NOW);
        assert_eq!(rows.follow(&Look::default(), &Told::new(), later(1)), []);
        assert_eq!(rows.raised.len(), 1);
    }

    #[test]
    fn worse_is_raised_anew_and_better_is_only_told() {
        let mut rows = Rows::default();
        rows.follow(&look(vec![disk(Severity::Warning, "71 %")]), &Told::new(), NOW);
        let worse = disk(Severity::Critical, "86 %");
        assert_eq!(
            rows.follow(&look(vec![worse.clone()]), &Told::new(), later(1)),
            [Change::Raise(worse)]
        );
        let better = disk(Severity::Warning, "80 %");
        assert_eq!(
            rows.follow(&look(vec![better.clone()]), &Told::new(), later(2)),
            [Change::Retell(better)]
        );
    }

    #[test]
    fn a_text_that_changes_all_the_time_is_written_every_five_minutes() {
        let mut rows = Rows::default();
        rows.follow(&look(vec![disk(Severity::Warning, "71 %")]), &Told::new(), NOW);
        let other = look(vec![disk(Severity::Warning, "72 %")]);
        assert_eq!(rows.follow(&other, &Told::new(), later(299)), []);
        assert_eq!(rows.follow(&other, &Told::new(), later(300)).len(), 1);
    }

    #[test]
    fn what_another_part_told_stays_until_it_tells_that_it_is_over() {
        let mut rows = Rows::default();
        let cause = Cause::new(Alarm::BackupFailed, "b1");
        let failed = Finding {
            cause: cause.clone(),
            severity: Severity::Error,
            text: "no room".to_owned(),
        };
        let told = Told::from([(cause.clone(), Some(failed.clone()))]);
        assert_eq!(rows.follow(&look(vec![]), &told, NOW), [Change::Raise(failed)]);
        assert_eq!(rows.follow(&look(vec![]), &Told::new(), later(60)), []);
        let over = Told::from([(cause.clone(), None)]);
        assert_eq!(rows.follow(&look(vec![]), &over, later(61)), [Change::Clear(cause)]);
        assert_eq!(rows.follow(&look(vec![]), &over, later(62)), []);
    }

    #[test]
    fn a_condition_that_passes_while_members_meet_is_not_raised() {
        let mut rows = Rows::default();
        let down = Finding {
            cause: Cause::new(Alarm::NodeDown, "n"),
            severity: Severity::Critical,
            text: "silent".to_owned(),
        };
        let mut found = Look::default();
        found.add(Alarm::NodeDown, [down.clone()]);
        let mut gone = Look::default();
        gone.add(Alarm::NodeDown, []);
        assert_eq!(rows.follow(&found, &Told::new(), NOW), []);
        assert_eq!(rows.follow(&gone, &Told::new(), later(4)), []);
        assert_eq!(rows.follow(&found, &Told::new(), later(5)), []);
        assert_eq!(rows.follow(&found, &Told::new(), later(9)), []);
        assert_eq!(rows.follow(&found, &Told::new(), later(10)), [Change::Raise(down)]);
    }
}
