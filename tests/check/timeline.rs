//! The life of one key, told line by line: what was asked where, what was answered, what was shown, and which faults were on.

use std::fmt::Write as _;

use super::history::{Action, Fault, History, Nanos, Op, Outcome, Seen};

/// The longest life that is told whole; of a longer one its end.
const LINES: usize = 200;

/// Tells it. Times are seconds since the run began.
pub(super) fn told(history: &History, key: &str) -> String {
    let mut lines: Vec<(Nanos, String)> = Vec::new();
    for op in history.ops.iter().filter(|op| is_about(op, key)) {
        lines.push((op.begin, operation(op, key)));
    }
    let (Some(first), Some(last)) = (lines.first().map(|line| line.0), lines.last().map(|line| line.0)) else {
        return format!("nothing was asked of key {key}\n");
    };
    let met = |fault: &&Fault| fault.end >= first && fault.begin <= last;
    for fault in history.faults.iter().filter(met) {
        let text = format!("FAULT {} {} until {}", fault.kind, fault.what, seconds(fault.end));
        lines.push((fault.begin, text));
    }
    lines.sort();
    let mut text = format!("key {key}\n");
    if lines.len() > LINES {
        writeln!(text, "  … {} lines before these", lines.len() - LINES).ok();
    }
    for (begin, line) in lines.iter().skip(lines.len().saturating_sub(LINES)) {
        writeln!(text, "  {} {line}", seconds(*begin)).ok();
    }
    for (node, row) in history.rows().filter(|(_, row)| row.seen.key == key) {
        let deleted = if row.deleted { ", deleted" } else { "" };
        writeln!(
            text,
            "  at the end node {}: {}, origin {}{deleted}",
            node + 1,
            shown(&row.seen),
            row.origin
        )
        .ok();
    }
    for dump in history
        .dumps
        .iter()
        .filter(|dump| dump.rows.iter().all(|row| row.seen.key != key))
    {
        writeln!(text, "  at the end node {}: not there", dump.node + 1).ok();
    }
    text
}

fn is_about(op: &Op, key: &str) -> bool {
    op.key.as_deref() == Some(key) || op.seen.iter().any(|seen| seen.key == key)
}

fn operation(op: &Op, key: &str) -> String {
    let asked = match (op.action, &op.value) {
        (Action::Create, Some(value)) => format!("create {value}"),
        (Action::Rotate, Some(value)) => format!("rotate to {value}"),
        (Action::Change, Some(value)) => format!("change to {value}"),
        (action, _) => format!("{action:?}").to_lowercase(),
    };
    let became = match op.outcome {
        Outcome::Ok if op.found_nothing() => "not found".to_owned(),
        Outcome::Ok => match op.seen.iter().find(|seen| seen.key == key) {
            Some(seen) => shown(seen),
            None => format!("ok, version {:?}", op.version.unwrap_or_default()),
        },
        Outcome::Failed => format!("refused: {}", op.answer),
        Outcome::Unknown => format!("UNKNOWN: {}", op.answer),
    };
    format!(
        "to {} #{} node {} client {}/{}: {asked} -> {became}",
        seconds(op.end),
        op.index,
        op.node + 1,
        op.client,
        op.session
    )
}

fn shown(seen: &Seen) -> String {
    format!("version {} {:?} {}", seen.version, seen.value, seen.state)
}

/// Nanoseconds as seconds with milliseconds.
pub(super) fn seconds(nanos: Nanos) -> String {
    format!("{:>4}.{:03}", nanos / 1_000_000_000, nanos / 1_000_000 % 1000)
}
