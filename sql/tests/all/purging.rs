//! Purging tombstones: only old ones go, and what they buried does not come back.

use anyhow::Result;

use crate::node::{Alone, Pair};

const ALL: &str =
    "select coalesce(string_agg(id || case when deleted then ' deleted' else '' end, ', ' order by id), '')
                   from public.item";

#[tokio::test]
async fn tombstones_up_to_a_time_are_taken_out_and_live_rows_stay() -> Result<()> {
    let node = Alone::start().await?;
    node.run(
        "insert into public.item values ('a', 'x'), ('b', 'y'), ('c', 'z'); delete from public.item where id <> 'b'",
    )
    .await?;
    let old = node.count("select version from public.item where id = 'a'").await?;
    node.run("update public.item set value = 'again' where id = 'c'")
        .await?;
    node.listen().await?;
    node.run(&format!("select replication.purge({old}, 100)")).await?;
    assert_eq!(node.text(ALL).await?, "b, c deleted");
    assert_eq!(node.sent().await?, 0, "a purge is not sent");
    Ok(())
}

#[tokio::test]
async fn a_purge_takes_no_more_at_once_than_it_is_told() -> Result<()> {
    let node = Alone::start().await?;
    node.run("insert into public.item select n::text, '' from generate_series(1, 25) n; delete from public.item")
        .await?;
    let mut left = Vec::new();
    for _ in 0..3 {
        left.push(node.count("select replication.purge(9000000000000000, 10)").await?);
    }
    assert_eq!(left, [10, 10, 5]);
    Ok(())
}

#[tokio::test]
async fn what_a_purged_tombstone_buried_does_not_come_back() -> Result<()> {
    let node = Alone::start().await?;
    node.apply("insert into replication.outbox_item values ('a', 'x', 1000, 2, false)")
        .await?;
    node.apply("insert into replication.outbox_item values ('a', 'x', 2000, 2, true), ('live', 'x', 1500, 2, false)")
        .await?;
    assert_eq!(node.count("select replication.purge(2000, 10)").await?, 1);
    node.apply("insert into replication.outbox_item values ('a', 'from the dead', 1999, 3, false)")
        .await?;
    assert_eq!(node.text(ALL).await?, "live");
    // What is here merges as ever, and so does what is younger.
    node.apply(
        "insert into replication.outbox_item values ('live', 'newer', 1600, 2, false), ('b', 'new', 2001, 2, false)",
    )
    .await?;
    assert_eq!(node.text(ALL).await?, "b, live");
    assert_eq!(
        node.text("select value from live.item where id = 'live'").await?,
        "newer"
    );
    Ok(())
}

#[tokio::test]
async fn a_floor_is_never_lowered() -> Result<()> {
    let node = Alone::start().await?;
    node.run("select replication.purge(2000, 10); select replication.purge(1000, 10)")
        .await?;
    assert_eq!(
        node.count("select pg_sequence_last_value('replication.purge_floor')")
            .await?,
        2000
    );
    Ok(())
}

#[tokio::test]
async fn a_purge_on_both_nodes_leaves_both_able_to_write_the_row_again() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.one
        .run("insert into public.item values ('a', 'x'); delete from public.item")
        .await?;
    pair.settle().await?;
    for node in [&pair.one, &pair.two] {
        let until = node.count("select version from public.item").await?;
        assert_eq!(node.count(&format!("select replication.purge({until}, 10)")).await?, 1);
    }
    pair.two.run("insert into public.item values ('a', 'again')").await?;
    pair.settle().await?;
    assert_eq!(pair.one.text("select value from live.item").await?, "again");
    Ok(())
}
