//! Three nodes that beat, and purge up to the horizon, whatever their clocks do: nothing comes back, and they end equal.
//!
//! Random histories of one row, longer than those of `model`, which knows no heartbeats. The horizon is the product's own.

use std::collections::VecDeque;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::horizon::{Heartbeats, Seen, horizon};
use super::merge::{Deletion, Row, arrive, purge};
use super::stamp::Writer;
use crate::clock::Micros;
use crate::id::NodeNumber;
use crate::key::state::KeyState;

const NODES: usize = 3;
const NUMBERS: [NodeNumber; NODES] = [NodeNumber(0), NodeNumber(1), NodeNumber(2)];

/// Up to when a node purges.
#[derive(Debug, Clone, Copy)]
enum Purge {
    /// What it knows to be everywhere.
    UpToTheHorizon,
    /// What it has seen of everybody: its own view alone.
    UpToWhatIsHere,
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Insert(usize),
    Update(usize),
    Delete(usize),
    SetClock(usize, i64),
    Beat(usize),
    Purge(usize),
    /// So many of what is on its way from one node to another arrive.
    Arrive(usize, usize, usize),
    Resync(usize, usize),
}

#[derive(Debug, Clone)]
enum Message {
    /// A write, by its place in [`Mesh::writes`].
    Change(usize),
    Beat(Seen),
}

#[derive(Debug, Default)]
struct Node {
    row: Option<Row<usize>>,
    clock: i64,
    floor: Micros,
    purge_floor: Micros,
    heartbeats: Heartbeats,
    /// Writes that were made here or have arrived.
    had: Vec<usize>,
}

impl Node {
    /// The oldest of what this node has of every node.
    fn seen_of_everybody(&self) -> Option<Micros> {
        NUMBERS
            .iter()
            .map(|number| Some(self.heartbeats.get(number)?[number]))
            .min()?
    }
}

struct Mesh {
    deletion: Deletion,
    purge: Purge,
    nodes: [Node; NODES],
    links: [[VecDeque<Message>; NODES]; NODES],
    /// Every write with what its writer had.
    writes: Vec<(Row<usize>, Vec<usize>)>,
}

impl Mesh {
    fn new(deletion: Deletion, purge: Purge) -> Self {
        Self {
            deletion,
            purge,
            nodes: Default::default(),
            links: Default::default(),
            writes: Vec::new(),
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Insert(node) | Action::Update(node) | Action::Delete(node) => self.write(action, node),
            Action::SetClock(node, clock) => self.nodes[node].clock = clock,
            Action::Beat(node) => self.beat(node),
            Action::Purge(node) => self.purge(node),
            Action::Arrive(from, to, most) => self.arrive(from, to, most),
            Action::Resync(from, to) => self.resync(from, to),
        }
    }

    fn write(&mut self, action: Action, at: usize) {
        let (value, deletion, node) = (self.writes.len(), self.deletion, &self.nodes[at]);
        let writer = Writer {
            origin: NUMBERS[at],
            clock: Micros(node.clock),
            floor: node.floor,
        };
        let live = node.row.as_ref().filter(|row| !row.deleted);
        let again = deletion == Deletion::ForGood && !self.writes.is_empty();
        let row = match action {
            // What purge() asks of such tables: a key is used once.
            Action::Insert(_) if again => None,
            Action::Insert(_) => writer.insert(node.row.as_ref(), value, KeyState::Active, deletion),
            Action::Delete(_) => live.map(|row| Row {
                value,
                ..writer.delete(row)
            }),
            _ => live.map(|row| writer.update(row, value, KeyState::Active)),
        };
        let Some(row) = row else { return };
        let node = &mut self.nodes[at];
        self.writes.push((row.clone(), node.had.clone()));
        node.row = Some(row);
        node.had.push(value);
        self.send(at, &Message::Change(value));
    }

    fn send(&mut self, from: usize, message: &Message) {
        for to in (0..NODES).filter(|to| *to != from) {
            self.links[from][to].push_back(message.clone());
        }
    }

    fn beat(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.floor = Micros(node.clock.max(node.floor.0 + 1));
        let mut seen = Seen::from([(NUMBERS[at], node.floor)]);
        for (number, heartbeat) in node.heartbeats.iter().filter(|(number, _)| **number != NUMBERS[at]) {
            seen.insert(*number, heartbeat[number]);
        }
        node.heartbeats.insert(NUMBERS[at], seen.clone());
        self.send(at, &Message::Beat(seen));
    }

    fn purge(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let up_to = match self.purge {
            Purge::UpToTheHorizon => horizon(&node.heartbeats, &NUMBERS),
            Purge::UpToWhatIsHere => node.seen_of_everybody(),
        };
        let Some(up_to) = up_to else { return };
        node.purge_floor = node.purge_floor.max(up_to);
        node.row = node.row.take().and_then(|row| purge(row, node.purge_floor));
    }

    fn arrive(&mut self, from: usize, to: usize, most: usize) {
        for _ in 0..most {
            let Some(message) = self.links[from][to].pop_front() else {
                return;
            };
            let node = &mut self.nodes[to];
            match message {
                Message::Change(write) => {
                    let row = &self.writes[write].0;
                    node.row = arrive(node.row.as_ref(), row, self.deletion, node.purge_floor)
                        .and_then(|row| purge(row, node.purge_floor));
                    node.had.push(write);
                }
                Message::Beat(seen) => {
                    node.heartbeats.insert(NUMBERS[from], seen);
                }
            }
        }
    }

    fn resync(&mut self, from: usize, to: usize) {
        let (row, had) = (self.nodes[from].row.clone(), self.nodes[from].had.clone());
        let (Some(row), false) = (row, from == to) else { return };
        let node = &mut self.nodes[to];
        node.row = arrive(node.row.as_ref(), &row, self.deletion, node.purge_floor);
        node.had.extend(had);
    }

    /// Much later: everybody beats, hears all, and purges, often enough for everybody to know that all is everywhere.
    fn settle(&mut self) {
        for node in &mut self.nodes {
            node.clock = 1000;
        }
        for _ in 0..3 {
            (0..NODES).for_each(|node| self.beat(node));
            for (from, to) in (0..NODES).flat_map(|from| (0..NODES).map(move |to| (from, to))) {
                self.arrive(from, to, usize::MAX);
            }
        }
        (0..NODES).for_each(|node| self.purge(node));
    }

    /// A node shows a row that it had a delete of.
    fn something_came_back(&self) -> bool {
        self.nodes.iter().any(|node| {
            let Some(live) = node.row.as_ref().filter(|row| !row.deleted) else {
                return false;
            };
            let mut deletes = node
                .had
                .iter()
                .map(|write| &self.writes[*write])
                .filter(|(row, _)| row.deleted);
            deletes.any(|(_, past)| past.iter().any(|buried| self.writes[*buried].0.stamp == live.stamp))
        })
    }
}

fn any_action() -> impl Strategy<Value = Action> {
    let node = || 0..NODES;
    prop_oneof![
        2 => node().prop_map(Action::Insert),
        2 => node().prop_map(Action::Update),
        2 => node().prop_map(Action::Delete),
        1 => (node(), 0_i64..30).prop_map(|(node, clock)| Action::SetClock(node, clock)),
        4 => node().prop_map(Action::Beat),
        3 => node().prop_map(Action::Purge),
        12 => (node(), node(), 1_usize..6).prop_map(|(from, to, most)| Action::Arrive(from, to, most)),
        1 => (node(), node()).prop_map(|(from, to)| Action::Resync(from, to)),
    ]
}

fn any_history() -> impl Strategy<Value = Vec<Action>> {
    proptest::collection::vec(any_action(), 1..150)
}

/// Plays a history and says what went wrong.
fn played(deletion: Deletion, purge: Purge, history: &[Action]) -> Result<(), TestCaseError> {
    let mut mesh = Mesh::new(deletion, purge);
    for action in history {
        mesh.act(*action);
        prop_assert!(
            !mesh.something_came_back(),
            "came back with {action:?}: {:?}",
            mesh.nodes
        );
    }
    mesh.settle();
    prop_assert!(!mesh.something_came_back());
    prop_assert!(
        mesh.nodes.windows(2).all(|pair| pair[0].row == pair[1].row),
        "{:?}",
        mesh.nodes
    );
    prop_assert!(
        mesh.nodes
            .iter()
            .all(|node| node.row.as_ref().is_none_or(|row| !row.deleted))
    );
    for (at, (write, _)) in mesh.writes.iter().enumerate() {
        prop_assert!(
            mesh.writes[..at].iter().all(|(other, _)| other.stamp != write.stamp),
            "{write:?} twice"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn purging_up_to_the_horizon_brings_nothing_back(
        deletion in proptest::sample::select(vec![Deletion::ByVersion, Deletion::ForGood]),
        history in any_history(),
    ) {
        played(deletion, Purge::UpToTheHorizon, &history)?;
    }
}

#[test]
fn purging_up_to_what_is_here_is_not_enough() {
    let config = ProptestConfig {
        cases: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let found = runner.run(&any_history(), |history| {
        played(Deletion::ForGood, Purge::UpToWhatIsHere, &history)
    });
    assert!(found.is_err(), "these histories would find nothing");
}
