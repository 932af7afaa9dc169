//! Nothing comes back: a key that a node has acknowledged as deleted, or has shown and then not any more, is never there
//! again, and at the end is nowhere.

use std::collections::{BTreeMap, BTreeSet};

use super::Verdict;
use super::lost::by_key;
use crate::check::history::{Action, History, Nanos};
use crate::check::looks::{Look, after_all, by_place};

/// Judges.
pub(super) fn judge(history: &History) -> Verdict {
    let mut verdict = Verdict::new("endings", "a deleted key never comes back");
    let mut gone: BTreeMap<&str, usize> = BTreeMap::new();
    let mut back: BTreeSet<&str> = BTreeSet::new();
    for ((node, key), looks) in by_place(history) {
        let Some(since) = gone_since(&looks) else {
            continue;
        };
        gone.entry(key).or_insert(node + 1);
        for look in looks.iter().filter(|look| look.begin() > since && look.seen.is_some()) {
            back.insert(key);
            let text = format!("key {key} is on node {} again in operation {}", node + 1, look.op.index);
            verdict.broken(Some(key), text);
        }
    }
    for dump in &history.dumps {
        let rows = by_key(dump);
        for (key, from) in &gone {
            if rows.get(key).is_some_and(|row| !row.deleted) {
                back.insert(key);
                let text = format!(
                    "key {key}, gone from node {from}, is on node {} at the end",
                    dump.node + 1
                );
                verdict.broken(Some(key), text);
            }
        }
    }
    verdict.figure("keys that ended", gone.len());
    verdict.figure("resurrected", back.len());
    verdict
}

/// From when on a node must not show a key again.
fn gone_since(looks: &[Look<'_>]) -> Option<Nanos> {
    let deletes = looks.iter().filter(|look| look.op.action == Action::Delete);
    let shown_before = after_all(looks, |look| look.seen.map(|_| ()), |(), ()| ());
    let not_found = shown_before.filter(|(look, ())| look.op.found_nothing());
    let not_found = not_found.map(|(look, ())| look.end()).min();
    deletes.map(Look::end).chain(not_found).min()
}
