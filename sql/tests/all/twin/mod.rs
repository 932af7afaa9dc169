//! The kit in SQL and its twin in Rust (`keystead::replication::{merge, stamp}`) make the same of 10,000 random histories.
//!
//! Here is what a history is and what the twin makes of it; `one_node.rs` plays it on a server and compares;
//! `three_nodes.rs` compares three databases that send each other what they captured.

mod one_node;
mod table;
mod three_nodes;

use keystead::NodeNumber;
use keystead::clock::Micros;
use keystead::key::state::KeyState;
use keystead::replication::merge::{Deletion, Row, Stamp, arrive};
use keystead::replication::stamp::Writer;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

/// What happens to one key of a table.
#[derive(Debug, Clone)]
enum Step {
    /// A row of another node arrives.
    Arrive(Row<i32>),
    Insert(i32, KeyState),
    Update(i32, KeyState),
    Delete,
}

/// The times at which other nodes wrote: long before this test, and longer after it. So a version that comes from the clock
/// of the server is never near one of them, and the twin's clock may stand still.
const LONG_AGO: i64 = 1;
const FAR_AHEAD: i64 = 5_000_000_000_000_000;

/// The local node stands between two others, so that equal versions go both ways.
const LOCAL: NodeNumber = NodeNumber(2);
const OTHERS: [NodeNumber; 2] = [NodeNumber(1), NodeNumber(3)];

const NO_FLOOR: Micros = Micros(0);

fn any_state() -> impl Strategy<Value = KeyState> {
    proptest::sample::select(KeyState::ALL.to_vec())
}

/// A row of another node. What merges by version follows from the stamp, as one write has one content.
fn any_row(deletion: Deletion) -> impl Strategy<Value = Row<i32>> {
    let era = proptest::sample::select(vec![LONG_AGO, FAR_AHEAD]);
    let origin = proptest::sample::select(OTHERS.to_vec());
    (era, 0..8_i32, origin, any_state(), any::<bool>()).prop_map(move |(era, later, origin, state, bit)| Row {
        stamp: Stamp {
            version: Micros(era + i64::from(later)),
            origin,
        },
        deleted: match deletion {
            Deletion::ByVersion => (later + origin.0) % 3 == 0,
            Deletion::ForGood => bit,
        },
        value: later * 10 + origin.0,
        state,
    })
}

fn any_step(deletion: Deletion) -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any_row(deletion).prop_map(Step::Arrive),
        1 => (100..200, any_state()).prop_map(|(value, state)| Step::Insert(value, state)),
        2 => (200..300, any_state()).prop_map(|(value, state)| Step::Update(value, state)),
        1 => Just(Step::Delete),
    ]
}

/// A history in which some rows arrive again, at any later or earlier time.
fn any_history(deletion: Deletion) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(any_step(deletion), 1..10).prop_flat_map(|steps| {
        let arriving: Vec<Step> = steps
            .iter()
            .filter(|step| matches!(step, Step::Arrive(_)))
            .cloned()
            .collect();
        let again = proptest::sample::subsequence(arriving.clone(), 0..=arriving.len());
        again.prop_flat_map(move |again| Just([steps.clone(), again].concat()).prop_shuffle())
    })
}

/// So many histories, the same ones in every run.
fn histories(deletion: Deletion, number: usize) -> Vec<Vec<Step>> {
    let all = proptest::collection::vec(any_history(deletion), number);
    all.new_tree(&mut TestRunner::deterministic())
        .expect("a strategy without conditions")
        .current()
}

/// What the twin makes of a history.
#[derive(Debug, Default)]
struct Played {
    row: Option<Row<i32>>,
    /// Local writes, in order: what is to be sent to the others.
    written: Vec<Row<i32>>,
}

impl Played {
    /// Takes a step. Says no to an insert that a server would refuse.
    fn step(&mut self, step: &Step, deletion: Deletion, clock: Micros) -> bool {
        let writer = Writer {
            origin: LOCAL,
            clock,
            floor: NO_FLOOR,
        };
        let here = self.row.as_ref();
        let written = match step {
            Step::Arrive(row) => {
                self.row = arrive(here, row, deletion, NO_FLOOR);
                return true;
            }
            Step::Insert(value, state) => match writer.insert(here, *value, *state, deletion) {
                None => return false,
                written => written,
            },
            Step::Update(value, state) => here.map(|here| writer.update(here, *value, *state)),
            Step::Delete => here.filter(|here| !here.deleted).map(|here| writer.delete(here)),
        };
        if let Some(written) = written {
            self.written.push(written.clone());
            self.row = Some(written);
        }
        true
    }
}
