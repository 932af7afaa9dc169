//! A session on one node finds again what it wrote and what it has read there, unless somebody asked for its end.
//!
//! That a key's version does not get lower is asked in `memory.rs`, of all sessions together.

use std::collections::{BTreeMap, HashMap};

use super::Verdict;
use crate::check::history::{Action, History, Nanos, Op};

/// Judges.
pub(super) fn judge(history: &History) -> Verdict {
    let mut verdict = Verdict::new(
        "sessions",
        "a session finds again on a node what it wrote or read there",
    );
    let deleted = first_deletes(history);
    let mut sessions: BTreeMap<(u64, usize, &str), Vec<&Op>> = BTreeMap::new();
    for op in history.ops.iter().filter(|op| op.is_ok()) {
        if let Some(key) = op.key.as_deref() {
            sessions.entry((op.session, op.node, key)).or_default().push(op);
        }
    }
    let mut followed = 0;
    for ((session, node, key), ops) in sessions {
        let Some(known) = ops.iter().filter(|op| !op.seen.is_empty()).map(|op| op.end).min() else {
            continue;
        };
        for op in ops.into_iter().filter(|op| op.begin > known) {
            followed += 1;
            if op.found_nothing() && deleted.get(key).is_none_or(|begun| *begun > op.end) {
                let text = format!(
                    "session {session} did not find key {key} again on node {} in operation {}",
                    node + 1,
                    op.index
                );
                verdict.broken(Some(key), text);
            }
        }
    }
    verdict.figure("looks at what a session knew", followed);
    verdict
}

/// When the first deletion of each key began that may have had an effect.
fn first_deletes(history: &History) -> HashMap<&str, Nanos> {
    let mut deleted = HashMap::new();
    for op in history
        .ops
        .iter()
        .filter(|op| op.action == Action::Delete && op.may_have_happened())
    {
        if let Some(key) = op.key.as_deref() {
            deleted.entry(key).or_insert(op.begin);
        }
    }
    deleted
}
