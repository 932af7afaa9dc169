//! No acknowledged key is lost: unless somebody asked for its end, it is on every node, with the material it was made with.

use std::collections::{HashMap, HashSet};

use super::Verdict;
use crate::check::history::{Action, Dump, History, Op, Row};

/// Judges.
pub(super) fn judge(history: &History) -> Verdict {
    let mut verdict = Verdict::new("lost", "an acknowledged key is on every node until somebody deletes it");
    let deletes = history
        .ops
        .iter()
        .filter(|op| op.action == Action::Delete && op.may_have_happened());
    let ended: HashSet<&str> = deletes.filter_map(|op| op.key.as_deref()).collect();
    let made: Vec<&Op> = history.ok(Action::Create).chain(history.ok(Action::Rotate)).collect();
    let mut lost = HashSet::new();
    for dump in &history.dumps {
        let rows = by_key(dump);
        for op in &made {
            let Some(key) = op.key.as_deref().filter(|key| !ended.contains(key)) else {
                continue;
            };
            if let Some(how) = missing(op, rows.get(key).copied()) {
                lost.insert(key);
                verdict.broken(Some(key), format!("key {key} {how} on node {}", dump.node + 1));
            }
        }
    }
    verdict.figure("acknowledged creates", made.len());
    verdict.figure("lost", lost.len());
    verdict
}

/// The rows of a node by key.
pub(super) fn by_key(dump: &Dump) -> HashMap<&str, &Row> {
    dump.rows.iter().map(|row| (row.seen.key.as_str(), row)).collect()
}

fn missing(create: &Op, row: Option<&Row>) -> Option<&'static str> {
    let row = match row {
        None => return Some("is missing"),
        Some(row) if row.deleted => return Some("is deleted, which nobody asked for,"),
        Some(row) => row,
    };
    let fingerprint = create.seen.first().map(|seen| seen.fingerprint.as_str());
    (fingerprint != Some(row.seen.fingerprint.as_str())).then_some("has other material")
}
