//! What each action does to the state: stamping and merging by the rule that is tried.

use super::{Action, Mesh, NODES, Node, Rule, State, Write};
use crate::clock::Micros;
use crate::id::NodeNumber;
use crate::key::state::KeyState;
use crate::replication::merge::{Deletion, Row, Stamp, arrive};
use crate::replication::stamp::Writer;

/// How far ahead a clock jumps: farther than all operations take.
const AHEAD: i64 = 10;

/// What the update of each node asks for: two states of which neither is the safer, and one that goes back.
const ASKED: [KeyState; NODES] = [KeyState::Compromised, KeyState::Destroyed, KeyState::PreActive];

impl Mesh {
    /// What can happen next.
    pub(super) fn possible(self, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        for node in 0..NODES {
            if state.operations < self.operations {
                actions.extend(operations_at(state, node));
            }
            for to in (0..NODES).filter(|to| *to != node) {
                if !state.links[node][to].is_empty() {
                    actions.push(Action::Arrive(node, to));
                }
                if state.resyncs < self.resyncs && state.nodes[node].row.is_some() {
                    actions.push(Action::Resync(node, to));
                }
            }
        }
        actions
    }

    /// What an action makes of a state; nothing when it is refused.
    pub(super) fn act(self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Insert(node) | Action::Update(node) | Action::Delete(node) => {
                let written = self.written(state, action, node)?;
                next.operations += 1;
                self.write(&mut next, node, written);
            }
            Action::StepClock(node) => {
                next.operations += 1;
                next.nodes[node].clock_is_ahead ^= true;
            }
            Action::Arrive(from, to) => {
                let write = next.links[from][to].pop_front()?;
                let row = &state.writes[usize::from(write)].row;
                self.meet(&mut next.nodes[to], row, 1 << write);
            }
            Action::Resync(from, to) => {
                next.resyncs += 1;
                let from = &state.nodes[from];
                self.meet(&mut next.nodes[to], from.row.as_ref()?, from.had);
            }
        }
        Some(next)
    }

    /// The row that an operation makes.
    fn written(self, state: &State, action: Action, node: usize) -> Option<Row<u8>> {
        let here = state.nodes[node].row.as_ref();
        let ahead = if state.nodes[node].clock_is_ahead { AHEAD } else { 0 };
        let writer = Writer {
            origin: NodeNumber(i32::try_from(node).ok()? + 1),
            clock: Micros(i64::from(state.operations) + ahead),
            floor: Micros(-1),
        };
        let value = u8::try_from(state.writes.len()).ok()?;
        let deletion = match self.rule {
            Rule::Ours(deletion) => deletion,
            Rule::WallClock | Rule::NoTombstones => Deletion::ByVersion,
        };
        let mut row = match action {
            Action::Insert(_) => writer.insert(here, value, KeyState::Active, deletion)?,
            Action::Delete(_) => writer.delete(here?),
            _ => writer.update(here?, value, ASKED[node]),
        };
        if self.rule == Rule::WallClock {
            row.stamp = Stamp {
                version: writer.clock,
                ..row.stamp
            };
        }
        Some(row)
    }

    /// Stores a row that was written here and sends it to the others.
    fn write(self, state: &mut State, node: usize, row: Row<u8>) {
        let number = u8::try_from(state.writes.len()).unwrap();
        let kept = self.rule != Rule::NoTombstones || !row.deleted;
        let past = state.nodes[node].had;
        state.nodes[node].row = kept.then(|| row.clone());
        state.nodes[node].had |= 1 << number;
        for to in (0..NODES).filter(|to| *to != node) {
            state.links[node][to].push_back(number);
        }
        state.writes.push(Write { row, past });
    }

    /// Merges a row that comes from elsewhere.
    fn meet(self, node: &mut Node, row: &Row<u8>, had: u8) {
        let deletion = match self.rule {
            Rule::Ours(deletion) => deletion,
            Rule::WallClock | Rule::NoTombstones => Deletion::ByVersion,
        };
        node.row = arrive(node.row.as_ref(), row, deletion, Micros(-1));
        if self.rule == Rule::NoTombstones {
            node.row.take_if(|row| row.deleted);
        }
        node.had |= had;
    }
}

/// Operations that a node can make.
fn operations_at(state: &State, node: usize) -> Vec<Action> {
    let live = state.nodes[node].row.as_ref().is_some_and(|row| !row.deleted);
    if live {
        return vec![Action::Update(node), Action::Delete(node), Action::StepClock(node)];
    }
    vec![Action::Insert(node), Action::StepClock(node)]
}
