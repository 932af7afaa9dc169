//! Two keys of one name never cost a key: both survive, on all nodes; and a node does not give a name that it sees is taken.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Verdict;
use crate::check::history::{Action, Dump, History, Op};

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
    let ends: Vec<End<'_>> = history.dumps.iter().map(End::of).collect();
    let mut clashes = 0;
    for (name, ops) in &names {
        let ok: Vec<&Op> = ops.iter().copied().filter(|op| op.is_ok()).collect();
        clashes += usize::from(ok.len() > 1);
        judge_survival(&ends, name, &ok, &mut verdict);
        judge_refusal(name, &ok, &mut verdict);
    }
    verdict.figure("names asked for twice", names.len());
    verdict.figure("names that two keys got", clashes);
    verdict
}

/// The keys of each name that a node holds at the end.
struct End<'a> {
    node: usize,
    named: HashMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> End<'a> {
    fn of(dump: &'a Dump) -> Self {
        let mut named: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        for row in dump.rows.iter().filter(|row| !row.deleted) {
            named.entry(&row.seen.name).or_default().insert(&row.seen.key);
        }
        Self { node: dump.node, named }
    }
}

fn judge_survival(ends: &[End<'_>], name: &str, ok: &[&Op], verdict: &mut Verdict) {
    let none = BTreeSet::new();
    let mut everywhere: Option<&BTreeSet<&str>> = None;
    for end in ends {
        let here = end.named.get(name).unwrap_or(&none);
        for key in ok.iter().filter_map(|op| op.key.as_deref()) {
            if !here.contains(key) {
                verdict.broken(
                    Some(key),
                    format!("key {key} named {name} is not on node {}", end.node + 1),
                );
            }
        }
        let there = everywhere.get_or_insert(here);
        if *there != here {
            let text = format!("node {} has other keys named {name} than node 1", end.node + 1);
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
