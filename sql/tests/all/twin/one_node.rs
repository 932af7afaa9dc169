//! One node: rows arrive in any order, local writes come between them.

use anyhow::Result;
use keystead::clock::Micros;
use keystead::replication::merge::{Deletion, Row};

use super::table::Table;
use super::{FAR_AHEAD, LOCAL, Played, Step, histories};
use crate::node::Node;
use crate::postgres::Postgres;

/// Half of them in a table where a deletion is for good.
const HISTORIES: usize = 10_000;

/// The row as it is when a time of the server's clock counts as the time when the test began.
fn at_the_beginning(mut row: Row<i32>, began: Micros) -> Row<i32> {
    // The twin's clock stands still, so its versions count up from there.
    if (began.0..FAR_AHEAD).contains(&row.stamp.version.0) {
        row.stamp.version = began;
    }
    row
}

/// Plays these histories on a server and by the twin, and compares what is left and what is sent.
async fn compare(node: &Node, deletion: Deletion, mut histories: Vec<Vec<Step>>) -> Result<()> {
    let table = Table::new(node, deletion).await?;
    let began = Micros(
        node.count("select (date_part('epoch', clock_timestamp()) * 1000000)::bigint")
            .await?,
    );
    let play = |history: &mut Vec<Step>| {
        let mut played = Played::default();
        history.retain(|step| played.step(step, deletion, began));
        played
    };
    let expected: Vec<Played> = histories.iter_mut().map(play).collect();

    let longest = histories.iter().map(Vec::len).max().unwrap_or(0);
    for round in 0..longest {
        let steps: Vec<(usize, &Step)> = histories
            .iter()
            .enumerate()
            .filter_map(|(key, steps)| Some((key, steps.get(round)?)))
            .collect();
        table.take(&steps).await?;
    }

    let (mut rows, sent) = (table.rows().await?, table.sent().await?);
    let mut sent = sent.into_iter().peekable();
    for (key, (expected, history)) in expected.into_iter().zip(&histories).enumerate() {
        let row = rows.remove(&key).map(|row| at_the_beginning(row, began));
        assert_eq!(
            row,
            expected.row.map(|row| at_the_beginning(row, began)),
            "key {key}: {history:?}"
        );
        for written in expected.written {
            let sent = sent
                .next_if(|(of, _)| *of == key)
                .map(|(_, row)| at_the_beginning(row, began));
            assert_eq!(
                sent,
                Some(at_the_beginning(written, began)),
                "key {key} sends: {history:?}"
            );
        }
    }
    assert_eq!((rows.len(), sent.next()), (0, None));
    Ok(())
}

#[tokio::test]
async fn the_kit_and_its_twin_make_the_same_of_random_histories() -> Result<()> {
    let postgres = Postgres::start().await?;
    let node = Node::new(&postgres, LOCAL).await?;
    for deletion in [Deletion::ByVersion, Deletion::ForGood] {
        compare(&node, deletion, histories(deletion, HISTORIES / 2)).await?;
    }
    Ok(())
}
