//! Of a key that is rotated, on both sides of a cut too, all nodes come to one current version: the highest that was
//! acknowledged, and the same on all. A node never shows a lower number as current than it has shown, and never gives a
//! number twice. Where two sides of a cut have given one number, all nodes find the same version by it. That no version is lost: `lost`.

use std::collections::BTreeMap;

use super::Verdict;
use crate::check::history::{Action, History, Op};

/// Judges.
pub(super) fn judge(history: &History) -> Verdict {
    let mut verdict = Verdict::new(
        "versions",
        "a rotated key has one current version, the same on all nodes",
    );
    let mut keys: BTreeMap<&str, Vec<&Op>> = BTreeMap::new();
    for op in history.ok(Action::Rotate).chain(history.ok(Action::Current)) {
        if let Some(name) = op.name.as_deref() {
            keys.entry(name).or_default().push(op);
        }
    }
    for (name, ops) in &keys {
        judge_order(name, ops, &mut verdict);
        judge_ends(history, name, ops, &mut verdict);
    }
    judge_numbers(history, &mut verdict);
    verdict.figure("rotations", history.ok(Action::Rotate).count());
    verdict
}

fn number(op: &Op) -> Option<i32> {
    op.seen.first().map(|seen| seen.number)
}

/// On each node, what began after something had ended there is not below it; a new version is above.
fn judge_order(name: &str, ops: &[&Op], verdict: &mut Verdict) {
    let mut ended: Vec<&Op> = ops.to_vec();
    ended.sort_by_key(|op| op.end);
    let mut begun = ended.clone();
    begun.sort_by_key(|op| op.begin);
    let mut highest: BTreeMap<usize, i32> = BTreeMap::new();
    let mut next = 0;
    for op in begun {
        while let Some(before) = ended.get(next).filter(|before| before.end < op.begin) {
            let here = highest.entry(before.node).or_default();
            *here = number(before).map_or(*here, |number| number.max(*here));
            next += 1;
        }
        let (Some(now), Some(before)) = (number(op), highest.get(&op.node)) else {
            continue;
        };
        if now < *before || (now == *before && op.action == Action::Rotate) {
            let text = format!(
                "node {} had {name} in version {before}, and in operation {} version {now}",
                op.node + 1,
                op.index
            );
            verdict.broken(op.key.as_deref(), text);
        }
    }
}

/// At the end all nodes have the same current version, and no acknowledged one has a higher number.
fn judge_ends(history: &History, name: &str, ops: &[&Op], verdict: &mut Verdict) {
    let acknowledged = ops.iter().filter_map(|op| number(op)).max();
    let mut everywhere: Option<&String> = None;
    for dump in &history.dumps {
        let Some(current) = dump.current.get(name) else {
            verdict.broken(None, format!("node {} does not know {name}", dump.node + 1));
            continue;
        };
        if everywhere.get_or_insert(current) != &current {
            let text = format!(
                "node {} has another version of {name} as current than others",
                dump.node + 1
            );
            verdict.broken(Some(current), text);
        }
        let row = dump.rows.iter().find(|row| row.seen.key == *current);
        if row.map(|row| row.seen.number) < acknowledged {
            let text = format!(
                "node {} has an older version of {name} as current than was made",
                dump.node + 1
            );
            verdict.broken(Some(current), text);
        }
    }
}

/// At the end all nodes find the same version by a number that more than one has.
fn judge_numbers(history: &History, verdict: &mut Verdict) {
    let mut everywhere: BTreeMap<&str, &str> = BTreeMap::new();
    for dump in &history.dumps {
        for (number, id) in &dump.numbered {
            if everywhere.entry(number).or_insert(id) != id {
                let text = format!("node {} finds another {number} than others", dump.node + 1);
                verdict.broken(Some(id), text);
            }
        }
    }
    verdict.figure("numbers given twice", everywhere.len());
}
