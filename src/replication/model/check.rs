//! What holds in every state that can be reached, and the shortest ways to where it does not hold without our rules.

use std::collections::VecDeque;

use stateright::{Checker as _, HasDiscoveries, Model, Property};

use super::{Action, Mesh, Node, Rule, State, Writes};
use crate::key::state::KeyState;
use crate::replication::merge::Deletion;

const EQUAL: &str = "when everything has arrived, all nodes hold the same row";
const NEWEST: &str = "no node shows a write that another write it has was made upon";
const BURIED: &str = "no node shows a row that a delete it has had buried";
const SAFEST: &str = "the state is at least as safe as that of every write";
const DONE: &str = "all operations are made, and everything has arrived";
const MET: &str = "a tombstone is there before the insert that it buries";

impl Model for Mesh {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(self.possible(state));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.act(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(EQUAL, |_, state: &State| !state.is_quiet() || state.is_equal()),
            Property::always(NEWEST, |_, state: &State| {
                state.nodes.iter().all(|node| state.shows_the_newest(node))
            }),
            Property::always(BURIED, |mesh, state: &State| {
                state.nodes.iter().all(|node| mesh.keeps_buried(state, node))
            }),
            Property::always(SAFEST, |_, state: &State| {
                state.nodes.iter().all(|node| state.is_safest(node))
            }),
            Property::sometimes(DONE, |mesh, state: &State| {
                state.is_quiet() && state.operations == mesh.operations
            }),
            Property::sometimes(MET, |_, state: &State| {
                state.nodes.iter().any(|node| state.waits_buried(node))
            }),
        ]
    }
}

impl Mesh {
    fn keeps_buried(self, state: &State, node: &Node) -> bool {
        let Some(live) = node.row.as_ref().filter(|row| !row.deleted) else {
            return true;
        };
        let mut deletes = state.of(node.had).filter(|write| write.row.deleted);
        match self.rule {
            Rule::Ours(Deletion::ForGood) => deletes.next().is_none(),
            _ => !deletes.any(|delete| state.of(delete.past).any(|buried| buried.row.stamp == live.stamp)),
        }
    }
}

impl State {
    fn is_quiet(&self) -> bool {
        self.links.iter().flatten().all(VecDeque::is_empty)
    }

    fn is_equal(&self) -> bool {
        self.nodes.windows(2).all(|pair| pair[0].row == pair[1].row)
    }

    fn of(&self, writes: Writes) -> impl Iterator<Item = &super::Write> {
        self.writes
            .iter()
            .enumerate()
            .filter(move |(at, _)| writes & (1 << at) != 0)
            .map(|(_, write)| write)
    }

    fn shows_the_newest(&self, node: &Node) -> bool {
        let Some(shown) = &node.row else { return true };
        !self
            .of(node.had)
            .any(|later| self.of(later.past).any(|write| write.row.stamp == shown.stamp))
    }

    fn is_safest(&self, node: &Node) -> bool {
        let Some(shown) = &node.row else { return true };
        let joined = self
            .of(node.had)
            .map(|write| write.row.state)
            .fold(KeyState::PreActive, KeyState::join);
        shown.state == joined
    }

    /// A node that has a delete and not yet the insert before it.
    fn waits_buried(&self, node: &Node) -> bool {
        self.of(node.had)
            .any(|write| write.row.deleted && write.past & !node.had != 0)
    }
}

/// Tries everything and says how many different states there were.
fn states(rule: Rule, operations: u8, resyncs: u8) -> usize {
    let mesh = Mesh {
        rule,
        operations,
        resyncs,
    };
    let checker = mesh.checker().spawn_bfs().join();
    checker.assert_properties();
    checker.unique_state_count()
}

/// A shortest way to a state where this property does not hold.
fn counter_example(rule: Rule, property: &'static str) -> String {
    let mesh = Mesh {
        rule,
        operations: 4,
        resyncs: 0,
    };
    let checker = mesh
        .checker()
        .finish_when(HasDiscoveries::AnyOf([property].into()))
        .spawn_bfs()
        .join();
    let actions = checker.assert_any_discovery(property).into_actions();
    actions
        .iter()
        .map(|action| format!("{action:?}"))
        .collect::<Vec<_>>()
        .join(", ")
}

// The numbers show that the model was not made smaller by accident.

#[test]
fn four_operations_in_any_order_hold_where_a_row_may_be_written_again() {
    assert_eq!(states(Rule::Ours(Deletion::ByVersion), 4, 0), 277_453);
}

#[test]
fn four_operations_in_any_order_hold_where_a_deletion_is_for_good() {
    assert_eq!(states(Rule::Ours(Deletion::ForGood), 4, 0), 234_922);
}

#[test]
fn resyncs_at_any_moment_change_nothing() {
    assert_eq!(states(Rule::Ours(Deletion::ByVersion), 3, 2), 115_740);
    assert_eq!(states(Rule::Ours(Deletion::ForGood), 3, 2), 109_212);
}

#[test]
#[ignore = "takes a minute"]
fn four_operations_and_a_resync_hold() {
    assert_eq!(states(Rule::Ours(Deletion::ByVersion), 4, 1), 1_749_256);
}

#[test]
fn with_the_clock_as_version_two_nodes_stay_different() {
    insta::assert_snapshot!(counter_example(Rule::WallClock, EQUAL), @"StepClock(0), Insert(0), Arrive(0, 1), Arrive(0, 2), Delete(2), Arrive(2, 0), Arrive(2, 1)");
}

#[test]
fn with_the_clock_as_version_a_write_loses_to_what_it_was_made_upon() {
    insta::assert_snapshot!(counter_example(Rule::WallClock, NEWEST), @"StepClock(0), Insert(0), Arrive(0, 2), Delete(2), Arrive(2, 0)");
}

#[test]
fn with_the_clock_as_version_a_deleted_row_comes_back() {
    insta::assert_snapshot!(counter_example(Rule::WallClock, BURIED), @"StepClock(0), Insert(0), Arrive(0, 2), Delete(2), Arrive(2, 0)");
}

#[test]
fn without_tombstones_two_nodes_stay_different() {
    insta::assert_snapshot!(counter_example(Rule::NoTombstones, EQUAL), @"Insert(0), Arrive(0, 1), Delete(1), Arrive(1, 0), Arrive(1, 2), Arrive(0, 2)");
}

#[test]
fn without_tombstones_a_deleted_row_comes_back() {
    insta::assert_snapshot!(counter_example(Rule::NoTombstones, BURIED), @"Insert(0), Arrive(0, 2), Delete(2), Arrive(2, 1), Arrive(0, 1)");
}
