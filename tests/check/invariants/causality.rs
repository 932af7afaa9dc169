//! The winner of a key is nobody's past: a write made where another was there already has the higher version, and at the
//! end every node holds the highest.
//!
//! Versions are the order in which writes win. Where each step from a write to one that knew of it rises, no chain of them
//! can end in a winner that one of its followers had replaced. Writes that did not know of each other may overwrite each
//! other, whichever came first by the clock on the wall; they are counted.

use std::collections::HashMap;

use super::Verdict;
use super::lost::by_key;
use crate::check::history::{Action, History, Op, Row};
use crate::check::looks::{Look, after_all, by_place, writes};

/// Judges.
pub(super) fn judge(history: &History) -> Verdict {
    let mut verdict = Verdict::new("causality", "a write that knew of another wins over it, on every node");
    for ((node, key), looks) in by_place(history) {
        for (look, before) in after_all(&looks, |look: &Look<'_>| look.version, i64::max) {
            if let Some(version) = look.version.filter(|version| look.wrote && *version <= before) {
                let text = format!(
                    "operation {} on node {} gave key {key} the version {version}, where {before} was there already",
                    look.op.index,
                    node + 1
                );
                verdict.broken(Some(key), text);
            }
        }
    }
    let ends: Vec<_> = history.dumps.iter().map(|dump| (dump.node, by_key(dump))).collect();
    let (mut all, mut concurrent) = (0, 0);
    for (key, writes) in writes(history) {
        all += writes.len();
        concurrent += overwritten(&writes);
        let winner = writes.iter().map(|(op, version)| (*version, number(history, op), *op));
        if let Some(winner) = winner.max_by_key(|(version, number, _)| (*version, *number)) {
            judge_winner(key, winner, &ends, &mut verdict);
        }
    }
    verdict.figure("acknowledged writes", all);
    let rate = concurrent * 10_000 / all.max(1);
    let share = format!("{concurrent} ({}.{:02} %)", rate / 100, rate % 100);
    verdict.figure("concurrent overwrites", share);
    verdict
}

fn number(history: &History, op: &Op) -> i32 {
    history.run.numbers.get(op.node).copied().unwrap_or_default()
}

/// The acknowledged write with the highest version, with it and the number of its node.
type Winner<'a> = (i64, i32, &'a Op);

fn judge_winner(key: &str, winner: Winner<'_>, ends: &[(usize, HashMap<&str, &Row>)], verdict: &mut Verdict) {
    let (version, number, op) = winner;
    for (node, rows) in ends {
        let Some(row) = rows.get(key) else {
            continue;
        };
        let (node, here) = (node + 1, (row.seen.version, row.origin));
        if here < (version, number) {
            let text = format!(
                "node {node} ends with version {} of key {key}, although operation {} wrote {version}",
                row.seen.version, op.index
            );
            verdict.broken(Some(key), text);
        } else if here == (version, number) && op.value.as_ref().is_some_and(|value| *value != row.seen.value) {
            let text = format!(
                "node {node} ends with another value of key {key} than its winner, operation {}",
                op.index
            );
            verdict.broken(Some(key), text);
        }
    }
}

/// How many changes were overwritten by one that had ended before they began.
fn overwritten(writes: &[(&Op, i64)]) -> usize {
    let changes: Vec<_> = writes.iter().filter(|(op, _)| op.action == Action::Change).collect();
    let mut ended = changes.clone();
    ended.sort_by_key(|(op, _)| op.end);
    let (mut next, mut highest) = (0, i64::MIN);
    let mut count = 0;
    for (op, version) in changes {
        while next < ended.len() && ended[next].0.end < op.begin {
            highest = highest.max(ended[next].1);
            next += 1;
        }
        count += usize::from(*version < highest);
    }
    count
}
