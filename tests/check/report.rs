//! What a run was and what became of it, for people: figures, a verdict per invariant, the life of a failing key, and the
//! command that runs the seed again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::history::{Action, History, Outcome};
use super::invariants::Verdict;
use super::timeline;

/// So many broken places of one invariant are told in full.
const TOLD: usize = 5;

/// Writes it, as Markdown.
pub(super) fn text(history: &History, verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    let broken: Vec<&str> = verdicts.iter().filter(|one| !one.holds()).map(|one| one.name).collect();
    let run = &history.run;
    let mutant = run
        .mutant
        .as_ref()
        .map(|name| format!(", mutant {name}"))
        .unwrap_or_default();
    writeln!(
        text,
        "# Seed {}: {} s, {} nodes{mutant}\n",
        run.seed,
        run.seconds,
        run.numbers.len()
    )
    .ok();
    if broken.is_empty() {
        writeln!(text, "Every invariant holds.\n").ok();
    } else {
        writeln!(text, "BROKEN: {}\n", broken.join(", ")).ok();
    }
    figures(&mut text, history);
    for verdict in verdicts {
        tell(&mut text, verdict);
    }
    lives(&mut text, history, verdicts);
    writeln!(text, "Again: `{}`", again(history)).ok();
    text
}

/// The command that runs the seed again.
fn again(history: &History) -> String {
    let run = &history.run;
    let given = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!(" {name}={value}"));
    format!(
        "make check SEED={} SECONDS={} NODES={}{}{}{}",
        run.seed,
        run.seconds,
        run.numbers.len(),
        given("MUTANT", &run.mutant).unwrap_or_default(),
        given("FAULTS", &run.faults).unwrap_or_default(),
        given("LANES", &run.lanes.map(|lanes| lanes.to_string())).unwrap_or_default()
    )
}

fn figures(text: &mut String, history: &History) {
    let of = |outcome| history.ops.iter().filter(move |op| op.outcome == outcome).count();
    let (ok, failed, unknown) = (of(Outcome::Ok), of(Outcome::Failed), of(Outcome::Unknown));
    writeln!(
        text,
        "- operations: {} ({ok} acknowledged, {failed} refused, {unknown} unknown)",
        history.ops.len()
    )
    .ok();
    let mut actions: BTreeMap<String, usize> = BTreeMap::new();
    for op in history.ops.iter().filter(|op| op.is_ok()) {
        *actions.entry(action(op.action)).or_default() += 1;
    }
    writeln!(text, "- acknowledged: {}", list(&actions)).ok();
    let mut faults: BTreeMap<String, usize> = BTreeMap::new();
    for fault in &history.faults {
        *faults.entry(fault.kind.clone()).or_default() += 1;
    }
    writeln!(text, "- faults: {} ({})", history.faults.len(), list(&faults)).ok();
}

fn action(action: Action) -> String {
    format!("{action:?}").to_lowercase()
}

fn list(counts: &BTreeMap<String, usize>) -> String {
    let all: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    all.join(", ")
}

fn tell(text: &mut String, verdict: &Verdict) {
    let word = if verdict.holds() { "holds" } else { "BROKEN" };
    let figures: Vec<String> = verdict
        .figures
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let figures = if figures.is_empty() {
        String::new()
    } else {
        format!(" ({})", figures.join("; "))
    };
    writeln!(text, "- {} {word}: {}{figures}", verdict.name, verdict.promise).ok();
    for broken in verdict.broken.iter().take(TOLD) {
        writeln!(text, "  - {}", broken.text).ok();
    }
    if verdict.broken.len() > TOLD {
        writeln!(text, "  - and {} more", verdict.broken.len() - TOLD).ok();
    }
}

/// The life of one key for each invariant that does not hold.
fn lives(text: &mut String, history: &History, verdicts: &[Verdict]) {
    writeln!(text).ok();
    let mut told: Vec<&str> = Vec::new();
    for verdict in verdicts {
        let key = verdict.broken.iter().find_map(|broken| broken.key.as_deref());
        if let Some(key) = key.filter(|key| !told.contains(key)) {
            told.push(key);
            writeln!(text, "```\n{}```\n", timeline::told(history, key)).ok();
        }
    }
}
