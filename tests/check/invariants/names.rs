//! Two keys of one name never cost a key: both survive, on all nodes; and a node does not give a name that it sees is taken.

use std::collections::{BTreeMap, BTreeSet};

use super::Verdict;
use super::lost::by_key;
use crate::check::history::{Action, History, Op};

/// Judges. Only names that were asked for more than once; nothing else is done to keys of such names.
pub(super) fn judge(history: &History) -> Verdict {
    let mut verdict = Verdict::new("names", "two keys of one name never cost a key");
    let mut names: BTreeMap<&str, Vec<&Op>> = BTreeMap::new();
    for op in history.ops.iter().filter(|op| op.action == Action::Create) {
        if let Some(name) = op.name.as_deref() {
            names.entry(name).or_default().push(op);
        }
    }
    names.retain(|_, ops| ops.len() > 1);
    let mut clashes = 0;
    for (name, ops) in &names {
        let ok: Vec<&Op> = ops.iter().copied().filter(|op| op.is_ok()).collect();
        clashes += usize::from(ok.len() > 1);
        judge_survival(history, name, &ok, &mut verdict);
        judge_refusal(name, &ok, &mut verdict);
    }
    verdict.figure("names asked for twice", names.len());
    verdict.figure("names that two keys got", clashes);
    verdict
}

fn judge_survival(history: &History, name: &str, ok: &[&Op], verdict: &mut Verdict) {
    let mut everywhere: Option<BTreeSet<&str>> = None;
    for dump in &history.dumps {
        let rows = by_key(dump);
        for key in ok.iter().filter_map(|op| op.key.as_deref()) {
            if rows.get(key).is_none_or(|row| row.deleted || row.seen.name != *name) {
                verdict.broken(
                    Some(key),
                    format!("key {key} named {name} is not on node {}", dump.node + 1),
                );
            }
        }
        let here = dump.rows.iter().filter(|row| !row.deleted && row.seen.name == *name);
        let here: BTreeSet<&str> = here.map(|row| row.seen.key.as_str()).collect();
        let there = everywhere.get_or_insert_with(|| here.clone());
        if *there != here {
            let text = format!("node {} has other keys named {name} than node 1", dump.node + 1);
            verdict.broken(here.symmetric_difference(there).next().copied(), text);
        }
    }
}

fn judge_refusal(name: &str, ok: &[&Op], verdict: &mut Verdict) {
    for one in ok {
        for two in ok.iter().filter(|two| two.node == one.node && two.begin > one.end) {
            let text = format!(
                "node {} gave the name {name} to a second key in operation {}",
                one.node + 1,
                two.index
            );
            verdict.broken(two.key.as_deref(), text);
        }
    }
}
