//! What was seen in a run: every operation with its beginning and end, every fault, and what each node held at the end.
//!
//! One process saw all of it by one clock that no fault touches, so what came before what is exact, across nodes too.
//! A history is a file with one record a line, and can be checked again at any time.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Nanoseconds since the run began.
pub(super) type Nanos = u64;

/// One line of a history.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(super) enum Record {
    Run(Run),
    Op(Op),
    Fault(Fault),
    Settled(Settled),
    End(End),
    Dump(Dump),
}

/// What was run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) seed: u64,
    pub(super) seconds: u64,
    /// The number of each node, by which its writes are known, in the order in which this history counts nodes.
    pub(super) numbers: Vec<i32>,
    pub(super) mutant: Option<String>,
    /// The kinds of faults, when they were chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) faults: Option<String>,
    /// In how many lanes nodes sent, when it was more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lanes: Option<i32>,
}

/// What a client did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    Create,
    /// Gives a key a new description, and a name that ends with it.
    Change,
    Read,
    Delete,
    Revoke,
    Destroy,
    /// Makes a version of a key: a row of its own.
    Rotate,
    /// Looks which version of a key is current, by the key's name.
    Current,
    /// Writes two rows in one transaction.
    WritePair,
    /// Reads both in one statement.
    ReadPair,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// Acknowledged; a read may have found nothing.
    Ok,
    /// Refused, or never sent: it has no effect, ever.
    Failed,
    /// No answer: it may have happened, or may yet.
    Unknown,
}

/// A row as an answer or a final look shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) key: String,
    pub(super) name: String,
    /// The description: which write this is.
    pub(super) value: String,
    pub(super) version: i64,
    pub(super) state: String,
    pub(super) fingerprint: String,
    /// Which version of its key it is.
    #[serde(default)]
    pub(super) number: i32,
}

/// One operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Op {
    /// In the order in which they began.
    pub(super) index: u64,
    pub(super) client: u64,
    /// A client that did not learn what became of an operation goes on in another session.
    pub(super) session: u64,
    pub(super) node: usize,
    pub(super) action: Action,
    /// The key's id; of a create only once it is known.
    pub(super) key: Option<String>,
    /// The name that a create asked for, or that was rotated or looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// What was written; no two operations write the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    pub(super) begin: Nanos,
    pub(super) end: Nanos,
    pub(super) outcome: Outcome,
    /// The version that it gave the row, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) seen: Vec<Seen>,
    /// The status or the error.
    pub(super) answer: String,
}

impl Op {
    /// Was it acknowledged?
    pub(super) fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// May it have had an effect?
    pub(super) fn may_have_happened(&self) -> bool {
        self.outcome != Outcome::Failed
    }

    /// Did it look for a key and find none?
    pub(super) fn found_nothing(&self) -> bool {
        self.action == Action::Read && self.is_ok() && self.seen.is_empty()
    }
}

/// A fault, from its beginning to its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Fault {
    pub(super) kind: String,
    /// To whom.
    pub(super) what: String,
    pub(super) begin: Nanos,
    pub(super) end: Nanos,
}

/// How long after a fault's end everything written before it was on all nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Settled {
    pub(super) after: String,
    pub(super) begin: Nanos,
    /// Absent when the wait was given up.
    pub(super) took: Option<Nanos>,
}

/// How the run ended.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct End {
    /// How long after the last write and the last fault all digests were equal; absent when the wait was given up.
    pub(super) equal_after: Option<Nanos>,
    /// They were equal again some seconds later.
    pub(super) still_equal: bool,
    /// Why the run broke off, when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) broke_off: Option<String>,
}

/// A row of the table of keys as a node holds it at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) seen: Seen,
    pub(super) origin: i32,
    pub(super) deleted: bool,
    pub(super) has_material: bool,
}

/// All keys and tombstones of a node at the end.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Dump {
    pub(super) node: usize,
    pub(super) rows: Vec<Row>,
    /// Of each key that was rotated, by name: the id of the version that the node says is current.
    #[serde(default)]
    pub(super) current: BTreeMap<String, String>,
    /// Of each number that more than one version of a key has: the id of the version that the node finds by it.
    #[serde(default)]
    pub(super) numbered: BTreeMap<String, String>,
}

/// All that was seen.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub(super) run: Run,
    /// In the order in which they began.
    pub(super) ops: Vec<Op>,
    pub(super) faults: Vec<Fault>,
    pub(super) settled: Vec<Settled>,
    pub(super) end: End,
    pub(super) dumps: Vec<Dump>,
}

impl History {
    /// Gathers records.
    pub(super) fn of(records: impl IntoIterator<Item = Record>) -> Self {
        let mut history = Self::default();
        for record in records {
            match record {
                Record::Run(run) => history.run = run,
                Record::Op(op) => history.ops.push(op),
                Record::Fault(fault) => history.faults.push(fault),
                Record::Settled(settled) => history.settled.push(settled),
                Record::End(end) => history.end = end,
                Record::Dump(dump) => history.dumps.push(dump),
            }
        }
        history.ops.sort_by_key(|op| (op.begin, op.index));
        history
    }

    /// Reads a file that a run has left.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let records = text
            .lines()
            .enumerate()
            .map(|(number, line)| serde_json::from_str(line).with_context(|| format!("line {}", number + 1)));
        Ok(Self::of(records.collect::<Result<Vec<Record>>>()?))
    }

    /// Every row that was shown, in answers and at the end, with the node that showed it.
    pub(super) fn shown(&self) -> impl Iterator<Item = (usize, &Seen)> {
        let answers = self
            .ops
            .iter()
            .flat_map(|op| op.seen.iter().map(move |seen| (op.node, seen)));
        answers.chain(self.rows().map(|(node, row)| (node, &row.seen)))
    }

    /// Every row that a node holds at the end.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, &Row)> {
        let all = self.dumps.iter();
        all.flat_map(|dump| dump.rows.iter().map(move |row| (dump.node, row)))
    }

    /// Acknowledged operations of this kind.
    pub(super) fn ok(&self, action: Action) -> impl Iterator<Item = &Op> {
        self.ops.iter().filter(move |op| op.action == action && op.is_ok())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An acknowledged operation that began and ended at no time.
    pub(in crate::check) fn op(action: Action, node: usize, key: &str) -> Op {
        Op {
            index: 0,
            client: 0,
            session: 0,
            node,
            action,
            key: Some(key.to_owned()),
            name: None,
            value: None,
            begin: 0,
            end: 0,
            outcome: Outcome::Ok,
            version: None,
            seen: Vec::new(),
            answer: String::new(),
        }
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let row = Row {
            seen: Seen {
                key: "k".to_owned(),
                version: 7,
                ..Seen::default()
            },
            origin: 2,
            deleted: true,
            has_material: false,
        };
        let record = Record::Dump(Dump {
            node: 1,
            rows: vec![row],
            ..Dump::default()
        });
        let line = serde_json::to_string(&record).unwrap();
        assert!(
            line.starts_with(r#"{"record":"dump","node":1,"rows":[{"key":"k""#),
            "{line}"
        );
        let history = History::of([serde_json::from_str::<Record>(&line).unwrap()]);
        assert_eq!(history.dumps[0].rows[0].seen.version, 7);
    }
}
