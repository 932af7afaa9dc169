//! Three nodes and one row: every order in which anything can happen, tried.
//!
//! Four operations are made on any nodes, an insert, an update, a delete or a step of a clock. Each write travels to the other
//! two nodes, in order on one link, in any order between links, and once a node may be given another's row out of order, as
//! by a resync. [`check`] says what holds whenever and wherever one looks, and which two simpler ways of merging break it.

mod check;
mod step;

use std::collections::VecDeque;

use super::merge::{Deletion, Row};

/// How rows are stamped and merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// As the product does it.
    Ours(Deletion),
    /// The clock alone is the version.
    WallClock,
    /// As ours, but a delete leaves nothing behind.
    NoTombstones,
}

/// What is tried, and how much of it.
#[derive(Debug, Clone, Copy)]
struct Mesh {
    rule: Rule,
    operations: u8,
    resyncs: u8,
}

const NODES: usize = 3;

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Insert(usize),
    Update(usize),
    Delete(usize),
    /// The node's clock jumps far ahead, or back to the right time.
    StepClock(usize),
    /// The oldest change on its way from one node to another arrives.
    Arrive(usize, usize),
    /// The second node is given what the first has now.
    Resync(usize, usize),
}

/// A set of writes, by their places in [`State::writes`].
type Writes = u8;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Node {
    row: Option<Row<u8>>,
    clock_is_ahead: bool,
    /// Writes that were made here or have arrived.
    had: Writes,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Write {
    /// The row as its writer sent it.
    row: Row<u8>,
    /// What its writer had.
    past: Writes,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct State {
    nodes: [Node; NODES],
    /// `links[from][to]`: writes on their way.
    links: [[VecDeque<u8>; NODES]; NODES],
    /// All writes there were.
    writes: Vec<Write>,
    /// Operations made.
    operations: u8,
    /// Resyncs made.
    resyncs: u8,
}
