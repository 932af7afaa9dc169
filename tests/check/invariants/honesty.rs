//! Nothing is invented: every value that is shown was written by somebody, to that key, and was not refused; and a key keeps
//! the material it was made with. A write is answered with what it wrote.

use std::collections::HashMap;

use super::Verdict;
use crate::check::history::{Action, History, Op, Seen};

/// Judges.
pub(super) fn judge(history: &History) -> Verdict {
    let mut verdict = Verdict::new("honesty", "nothing is shown that nobody wrote");
    let values = history.ops.iter().filter_map(|op| Some((op.value.as_deref()?, op)));
    let by_value: HashMap<&str, &Op> = values.collect();
    let mut material: HashMap<&str, &str> = HashMap::new();
    for (node, seen) in history.shown() {
        let key = seen.key.as_str();
        if let Some(wrong) = invented(seen, by_value.get(seen.value.as_str()).copied()) {
            let text = format!(
                "node {} showed the description {:?} of key {key}, {wrong}",
                node + 1,
                seen.value
            );
            verdict.broken(Some(key), text);
        }
        if *material.entry(key).or_insert(&seen.fingerprint) != seen.fingerprint {
            verdict.broken(
                Some(key),
                format!("node {} showed key {key} with other material", node + 1),
            );
        }
    }
    let told = [Action::Create, Action::Change, Action::Rotate];
    for op in told.into_iter().flat_map(|action| history.ok(action)) {
        if let Some(seen) = op.seen.first().filter(|seen| op.value.as_ref() != Some(&seen.value)) {
            let text = format!(
                "operation {} wrote {:?} and was answered {:?}",
                op.index, op.value, seen.value
            );
            verdict.broken(Some(&seen.key), text);
        }
    }
    verdict
}

fn invented(seen: &Seen, writer: Option<&Op>) -> Option<&'static str> {
    let Some(op) = writer else {
        return Some("which nobody wrote");
    };
    if !op.may_have_happened() {
        return Some("which was refused");
    }
    let elsewhere = op.action != Action::WritePair && op.key.as_ref().is_some_and(|key| *key != seen.key);
    elsewhere.then_some("which was written to another key")
}
