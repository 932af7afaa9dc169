//! Three nodes: each writes for itself, and what it captured comes to the others late, in any order, and sometimes again.

use std::mem;

use anyhow::Result;
use keystead::NodeNumber;
use keystead::replication::merge::{Deletion, Row, Stamp, arrive};
use proptest::prelude::RngExt as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::table::{Rows, Table};
use super::{NO_FLOOR, Step, histories};
use crate::node::Node;
use crate::postgres::Postgres;

const KEYS: usize = 2_000;

/// A captured row.
type Change = (usize, Row<i32>);

/// A node's table, and what is on its way to it.
struct Place<'a> {
    number: usize,
    deletion: Deletion,
    table: Table<'a>,
    waiting: Vec<Change>,
}

impl Place<'_> {
    /// About half of what is on its way arrives, in any order; a fourth of that will come again.
    async fn hear(&mut self, random: &mut TestRng) -> Result<()> {
        let mut taken: Vec<Change> = self.waiting.extract_if(.., |_| random.random_bool(0.5)).collect();
        self.waiting
            .extend(taken.iter().filter(|_| random.random_bool(0.25)).cloned());
        taken.sort_by_cached_key(|_| random.random::<u64>());
        self.table.arrive(&taken).await
    }

    /// Local steps of one round. Two of three nodes take the same one, at the same time.
    async fn write(&mut self, steps: &[(usize, &Step)], round: usize) -> Result<Vec<Change>> {
        let here = self.table.rows().await?;
        let is_mine = |key: usize, step: &Step| {
            let possible = match step {
                Step::Arrive(_) => false,
                Step::Insert(..) => here
                    .get(&key)
                    .is_none_or(|row| row.deleted && self.deletion == Deletion::ByVersion),
                Step::Update(..) | Step::Delete => true,
            };
            possible && (key + round) % 3 != self.number
        };
        let mine: Vec<(usize, &Step)> = steps
            .iter()
            .filter(|(key, step)| is_mine(*key, step))
            .copied()
            .collect();
        self.table.take(&mine).await?;
        self.table.take_sent().await
    }
}

/// What two further nodes write, whose clocks are far off.
fn of_others(steps: &[(usize, &Step)]) -> Vec<Change> {
    let row = |step: &Step| {
        let Step::Arrive(row) = step else { return None };
        let origin = NodeNumber(row.stamp.origin.0 + 3);
        Some(Row {
            stamp: Stamp { origin, ..row.stamp },
            ..row.clone()
        })
    };
    steps
        .iter()
        .filter_map(|(key, step)| Some((*key, row(step)?)))
        .collect()
}

/// What all the changes of all nodes come to.
fn merged(changes: &[Change], deletion: Deletion) -> Rows {
    let mut rows = Rows::new();
    for (key, change) in changes {
        let row = arrive(rows.get(key), change, deletion, NO_FLOOR);
        rows.extend(row.map(|row| (*key, row)));
    }
    rows
}

async fn converge(nodes: &[Node], deletion: Deletion) -> Result<()> {
    let mut places = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        places.push(Place {
            number,
            deletion,
            table: Table::new(node, deletion).await?,
            waiting: Vec::new(),
        });
    }
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut all: Vec<Change> = Vec::new();
    let histories = histories(deletion, KEYS);
    let longest = histories.iter().map(Vec::len).max().unwrap_or(0);
    for round in 0..longest {
        let steps: Vec<(usize, &Step)> = histories
            .iter()
            .enumerate()
            .filter_map(|(key, steps)| Some((key, steps.get(round)?)))
            .collect();
        let mut sent = of_others(&steps);
        for place in &mut places {
            sent.extend(place.write(&steps, round).await?);
        }
        for place in &mut places {
            // A node's own changes come back to it too, as in a resync.
            place.waiting.extend_from_slice(&sent);
            place.hear(&mut random).await?;
        }
        all.extend(sent);
    }
    let expected = merged(&all, deletion);
    for place in &mut places {
        let rest = mem::take(&mut place.waiting);
        place.table.arrive(&rest).await?;
        let rows = place.table.rows().await?;
        for (key, expected) in &expected {
            let (row, history) = (rows.get(key), histories.get(*key));
            assert_eq!(
                row,
                Some(expected),
                "key {key} on node {}: {history:?}",
                place.number + 1
            );
        }
        assert_eq!(rows.len(), expected.len());
    }
    Ok(())
}

#[tokio::test]
async fn three_nodes_and_their_twin_come_to_hold_the_same() -> Result<()> {
    let postgres = Postgres::start().await?;
    let mut nodes = Vec::new();
    for number in 1..=3 {
        nodes.push(Node::new(&postgres, NodeNumber(number)).await?);
    }
    for deletion in [Deletion::ByVersion, Deletion::ForGood] {
        converge(&nodes, deletion).await?;
    }
    Ok(())
}
