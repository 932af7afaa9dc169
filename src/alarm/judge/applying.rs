//! A member's changes that cannot be applied here: something that somebody has done to this node's tables refuses them.
//!
//! PostgreSQL tries the same transaction again and again, twice a second, and everything of that member waits behind it.
//! Nothing is skipped. The member is well and connected, so this node alone can tell.

use std::collections::BTreeMap;

use super::super::{Alarm, Cause, Finding, Severity};
use crate::clock::Micros;

/// It is told when nothing of the member has arrived for this long. An error that passes, such as a deadlock, takes less.
const TOLD_AFTER_MILLIS: i64 = 10_000;

/// An error this long ago was the last: a member that is down is not tried to be applied.
const GOES_ON_MILLIS: i64 = 8_000;

/// The most that is told of PostgreSQL's words.
const MOST_CHARS: usize = 400;

/// How applying one member's changes goes, from look to look.
#[derive(Debug, Clone, Default)]
pub struct Applying {
    /// Where the member is, for people.
    pub host: String,
    /// What PostgreSQL's log says of the failure, when it was asked.
    pub error: Option<String>,
    heard: Option<Micros>,
    errors: Option<i64>,
    since: Option<Micros>,
    last: Option<Micros>,
}

impl Applying {
    /// Looks at `now`: the member's newest heartbeat is `heard`, and so many errors there were.
    pub fn look(&mut self, now: Micros, heard: Option<Micros>, errors: i64) {
        let failed = self.errors.is_some_and(|before| errors > before);
        if heard != self.heard {
            // What was applied has brought a heartbeat.
            (self.since, self.error) = (None, None);
        } else if failed {
            self.since.get_or_insert(now);
        }
        if failed {
            self.last = Some(now);
        }
        (self.heard, self.errors) = (heard, Some(errors));
    }

    /// Does it fail, for longer than what passes by itself?
    pub fn is_failing(&self, now: Micros) -> bool {
        let for_long = self
            .since
            .is_some_and(|since| now.millis_since(since) >= TOLD_AFTER_MILLIS);
        let still = self.last.is_some_and(|last| now.millis_since(last) < GOES_ON_MILLIS);
        for_long && still
    }
}

/// Members whose changes cannot be applied here.
pub(super) fn failing(applying: &BTreeMap<String, Applying>, now: Micros) -> Vec<Finding> {
    let failing = applying.iter().filter(|(_, member)| member.is_failing(now));
    failing
        .map(|(id, member)| Finding {
            cause: Cause::new(Alarm::ReplicationBlocked, id),
            severity: Severity::Critical,
            text: format!(
                "changes of {} cannot be applied on this node, and all that come after them wait: {}",
                member.host,
                member.error.as_deref().unwrap_or("its pg-log/ says why")
            ),
        })
        .collect()
}

/// What a log of PostgreSQL last said of applying what this subscription brings: the error, and what it was met in.
pub fn last_error(log: &str, subscription: u32) -> Option<String> {
    let about = format!("processing remote data for replication origin \"pg_{subscription}\" ");
    let lines: Vec<&str> = log.lines().collect();
    let place = lines.iter().rposition(|line| line.contains(&about))?;
    let met_in = lines.get(place)?.split_once(&about)?.1.trim();
    // A context has several lines when a function was called; the first alone says whose it is.
    let mut before = lines.get(..=place)?.iter().rev();
    let process = before.by_ref().find_map(|line| said_by(line, "CONTEXT:"))?.0;
    let error = before
        .find_map(|line| said_by(line, "ERROR:").filter(|(of, _)| *of == process))?
        .1;
    Some(format!("{error} ({met_in})").chars().take(MOST_CHARS).collect())
}

/// The process that says something of this kind in a line, and what it says.
fn said_by<'a>(line: &'a str, kind: &str) -> Option<(&'a str, &'a str)> {
    let (head, text) = line.split_once(kind)?;
    let (_, process) = head.split_once('[')?;
    Some((process.split_once(']')?.0, text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "
2026-11-20 23:00:00.000 UTC [41] ERROR:  other
2026-11-20 23:00:01.000 UTC [42] ERROR:  new row for relation \"key\" violates check constraint \"no_poison\"
2026-11-20 23:00:01.000 UTC [42] DETAIL:  Failing row contains (…).
2026-11-20 23:00:01.000 UTC [43] ERROR:  of another process
2026-11-20 23:00:01.000 UTC [42] CONTEXT:  SQL statement \"insert into public.key as t …\"
\tPL/pgSQL function replication.merge_key() line 10 at SQL statement
\tprocessing remote data for replication origin \"pg_16400\" during message type \"INSERT\" for replication target relation \"replication.outbox_key\" in transaction 761, finished at 0/1A2B3C
2026-11-20 23:00:01.500 UTC [1] LOG:  background worker \"logical replication worker\" (PID 42) exited with exit code 1
";

    fn at(seconds: i64) -> Micros {
        Micros(1_700_000_000_000_000 + seconds * 1_000_000)
    }

    #[test]
    fn the_log_says_what_failed_and_in_which_operation() {
        let told = last_error(LOG, 16400).unwrap();
        assert!(
            told.starts_with(
                r#"new row for relation "key" violates check constraint "no_poison" (during message type "INSERT""#
            ),
            "{told}"
        );
        assert!(
            told.contains("replication.outbox_key") && told.contains("0/1A2B3C"),
            "{told}"
        );
        assert_eq!(last_error(LOG, 1640), None, "of another subscription");
        assert_eq!(last_error("", 16400), None);
    }

    #[test]
    fn what_goes_on_failing_for_ten_seconds_is_told_and_what_arrives_ends_it() {
        let mut member = Applying::default();
        member.look(at(0), Some(at(0)), 3);
        for second in [3, 6, 9, 12] {
            member.look(at(second), Some(at(0)), 3 + second);
            assert!(!member.is_failing(at(second)), "{second}");
        }
        member.look(at(15), Some(at(0)), 30);
        assert!(member.is_failing(at(15)));
        member.error = Some("a constraint".to_owned());
        let found = failing(&BTreeMap::from([("b".to_owned(), member.clone())]), at(15));
        assert!(found[0].text.ends_with("wait: a constraint"), "{}", found[0].text);
        member.look(at(18), Some(at(17)), 30);
        assert!(!member.is_failing(at(18)));
    }

    #[test]
    fn a_member_that_is_down_breaks_the_connection_once_and_is_not_told_here() {
        let mut member = Applying::default();
        for (second, errors) in [(0, 3), (3, 4), (6, 4), (9, 4), (12, 4), (15, 4), (60, 4)] {
            member.look(at(second), Some(at(0)), errors);
            assert!(!member.is_failing(at(second)), "{second}");
        }
    }

    #[test]
    fn statistics_that_begin_anew_are_no_errors() {
        let mut member = Applying::default();
        for second in 0..20 {
            member.look(at(second), Some(at(0)), 100 - second);
        }
        assert!(!member.is_failing(at(20)));
    }
}
