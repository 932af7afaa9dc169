//! Comparing single rows, mending them, and waiting until all members have something.

use anyhow::Result;
use keystead::clock::Micros;
use keystead::replication::digest::Bounds;
use keystead::verify::{Problem, Rows, differences};
use serde_json::{Value, json};
use sql::verify::{self, Table};
use sql::{digest, heartbeat, replication};

use crate::node::{Alone, Node, ONE, PATIENCE, Pair, TWO, refused};
use crate::wait;

const BUCKETS: i32 = 16;

/// Two linked nodes with five rows that both have, and with `harm` done to the second one behind the kit's back.
async fn harmed(harm: &str) -> Result<Pair> {
    let pair = Pair::linked().await?;
    pair.one
        .run("insert into public.item select 'i' || n, 'x' from generate_series(1, 5) n")
        .await?;
    pair.settle().await?;
    pair.two.apply(harm).await?;
    Ok(pair)
}

async fn rows(node: &Node) -> Result<Rows> {
    let all: Vec<i32> = (1 - BUCKETS..BUCKETS).collect();
    Ok(verify::rows_of_buckets(&node.db, "public.item", BUCKETS, &all).await?)
}

async fn problems(pair: &Pair) -> Result<Vec<(String, Problem)>> {
    let found = differences(
        "public.item",
        &rows(&pair.one).await?,
        &rows(&pair.two).await?,
        &Bounds::ALL,
    );
    Ok(found.into_iter().map(|one| (one.key.clone(), one.problem())).collect())
}

async fn item(node: &Node) -> Result<Table> {
    let tables = verify::tables(&node.db).await?;
    tables
        .into_iter()
        .find(|table| table.relation == "public.item")
        .ok_or_else(|| anyhow::anyhow!("item is not enlisted"))
}

fn key(id: &str) -> Value {
    json!([{"id": id}])
}

#[tokio::test]
async fn differing_rows_are_found_in_the_buckets_that_differ() -> Result<()> {
    let pair = harmed(
        "delete from public.item where id = 'i1'; update public.item set value = 'y' where id = 'i2';
         update public.item set version = version - 1 where id = 'i3'",
    )
    .await?;
    let whole = rows(&pair.one).await?;
    assert_eq!(whole.len(), 5);
    let (ours, theirs) = (digest::all(&pair.one.db).await?, digest::all(&pair.two.db).await?);
    let open: Vec<i32> = (ours.iter().filter(|(bucket, sum)| theirs.get(*bucket) != Some(sum)))
        .map(|((_, bucket), _)| *bucket)
        .collect();
    let looked = verify::rows_of_buckets(&pair.one.db, "public.item", Bounds::ALL.buckets, &open).await?;
    assert!(
        ["i1", "i2", "i3"]
            .iter()
            .all(|id| looked.contains_key(&format!(r#"{{"id": "{id}"}}"#))),
        "{looked:?}"
    );
    let expected = [
        (r#"{"id": "i1"}"#.to_owned(), Problem::MissingThere),
        (r#"{"id": "i2"}"#.to_owned(), Problem::OtherContent),
        (r#"{"id": "i3"}"#.to_owned(), Problem::OlderThere),
    ];
    assert_eq!(problems(&pair).await?, expected);
    Ok(())
}

#[tokio::test]
async fn what_was_lost_there_comes_back_when_it_is_sent_again() -> Result<()> {
    let pair =
        harmed("delete from public.item where id = 'i1'; update public.item set version = 1 where id = 'i3'").await?;
    let both = json!([{"id": "i1"}, {"id": "i3"}, {"id": "was never there"}]);
    let before = rows(&pair.one).await?;
    assert_eq!(verify::send_again(&pair.one.db, "public.item", &both).await?, 2);
    assert_eq!(rows(&pair.one).await?, before, "versions stay as they are");
    pair.settle().await?;
    assert_eq!(problems(&pair).await?, []);
    Ok(())
}

#[tokio::test]
async fn what_was_lost_here_is_merged_from_there_and_not_sent_on() -> Result<()> {
    let pair =
        harmed("delete from public.item where id = 'i1'; update public.item set version = 1 where id = 'i3'").await?;
    let both = json!([{"id": "i1"}, {"id": "i3"}]);
    let table = item(&pair.two).await?;
    pair.two.listen().await?;
    verify::merge(&pair.one.db, &pair.two.db, &table, &both).await?;
    assert_eq!(problems(&pair).await?, []);
    assert_eq!(pair.two.sent().await?, 0);
    // A row that is older there changes nothing here.
    pair.one
        .apply("update public.item set version = 1, value = 'old' where id = 'i2'")
        .await?;
    let before = rows(&pair.two).await?;
    verify::merge(&pair.one.db, &pair.two.db, &table, &key("i2")).await?;
    assert_eq!(rows(&pair.two).await?, before);
    Ok(())
}

#[tokio::test]
async fn a_touched_row_wins_everywhere() -> Result<()> {
    let pair = harmed("update public.item set value = 'rotten' where id = 'i2'").await?;
    assert_eq!(verify::touch(&pair.one.db, "public.item", &key("i2")).await?, 1);
    pair.settle().await?;
    assert_eq!(problems(&pair).await?, []);
    assert_eq!(pair.two.text("select value from live.item where id = 'i2'").await?, "x");
    Ok(())
}

#[tokio::test]
async fn a_row_is_taken_from_the_other_node_and_then_wins() -> Result<()> {
    let pair = harmed(
        "update public.item set value = 'rotten' where id = 'i2'; delete from public.item where id = 'i4';
         update public.item set value = 'newer', version = version + 1 where id = 'i5'",
    )
    .await?;
    let table = item(&pair.two).await?;
    let all = json!([{"id": "i2"}, {"id": "i4"}, {"id": "i5"}]);
    assert_eq!(verify::take(&pair.one.db, &pair.two.db, &table, &all).await?, 3);
    pair.settle().await?;
    assert_eq!(problems(&pair).await?, []);
    let values = "select string_agg(value, ',' order by id) from live.item";
    for node in [&pair.one, &pair.two] {
        assert_eq!(node.text(values).await?, "x,x,x,x,newer", "what was newer here stays");
    }
    Ok(())
}

#[tokio::test]
async fn rows_are_taken_over_in_replica_role_only() -> Result<()> {
    let node = Alone::start().await?;
    let refused = node.refused("select replication.take('public.item')").await?;
    assert_eq!(refused.message(), "rows are taken over in replica role only");
    let refused = node
        .refused("select * from peer.rows_of_keys('replication.lease', '[]')")
        .await?;
    assert_eq!(refused.message(), "replication.lease is not enlisted");
    Ok(())
}

#[tokio::test]
async fn a_tombstone_below_the_floor_is_in_no_digest() -> Result<()> {
    let node = Alone::start().await?;
    let without = digest::all(&node.db).await?;
    node.run("insert into public.item values ('a', 'x'); delete from public.item")
        .await?;
    let version = Micros(node.count("select version from public.item").await?);
    let up_to = |purged_up_to| Bounds {
        purged_up_to,
        ..Bounds::ALL
    };
    assert_eq!(digest::within(&node.db, up_to(version)).await?, without);
    assert_ne!(digest::within(&node.db, up_to(Micros(version.0 - 1))).await?, without);
    node.run("insert into public.item values ('b', 'x')").await?;
    assert_ne!(
        digest::within(&node.db, up_to(Micros(i64::MAX))).await?,
        without,
        "a row that lives counts"
    );
    Ok(())
}

#[tokio::test]
async fn the_floors_of_a_node_are_read() -> Result<()> {
    let node = Alone::start().await?;
    node.run("create sequence if not exists replication.purge_floor; create sequence if not exists replication.floor")
        .await?;
    let floor = 4_000_000_000_000_000_i64;
    node.run(&format!(
        "select setval('replication.purge_floor', 42), setval('replication.floor', {floor})"
    ))
    .await?;
    assert_eq!(replication::purged_up_to(&node.db).await?, Micros(42));
    assert_eq!(
        node.count("select replication.wait_for_members('0 s')").await?,
        floor + 1
    );
    Ok(())
}

/// Both nodes are members for each other.
async fn members() -> Result<Pair> {
    let pair = Pair::linked().await?;
    pair.one
        .run("insert into public.node values ('one', 1, 'h1', 1, '', 'ready', '', ''), ('two', 2, 'h2', 2, '', 'ready', '', '')")
        .await?;
    pair.settle().await?;
    Ok(pair)
}

#[tokio::test]
async fn waiting_for_members_ends_when_the_other_says_that_it_has_everything() -> Result<()> {
    let pair = members().await?;
    pair.one.run("insert into public.item values ('a', 'x')").await?;
    let waiter = pair.one.session().await?;
    let waiting = waiter.query_one("select replication.wait_for_members('30 s')", &[]);
    let beating = async {
        loop {
            let at = heartbeat::begin(&pair.one.db).await?.at;
            heartbeat::beat(&pair.one.db, ONE, at).await?;
            let arrived = async || Ok(heartbeat::newest(&pair.two.db).await?.get(&ONE) >= Some(&at));
            wait::until("the heartbeat of node 1 is on node 2", PATIENCE, arrived).await?;
            let at = heartbeat::begin(&pair.two.db).await?.at;
            heartbeat::beat(&pair.two.db, TWO, at).await?;
        }
    };
    let up_to: i64 = tokio::select! {
        row = waiting => row?.get(0),
        beaten = beating => { let never: Result<()> = beaten; never?; 0 }
    };
    assert!(up_to >= pair.one.count("select version from public.item").await?);
    assert_eq!(pair.two.text("select value from live.item").await?, "x");
    Ok(())
}

#[tokio::test]
async fn waiting_for_members_gives_up_and_names_those_that_lack_something() -> Result<()> {
    let pair = members().await?;
    let refused = pair
        .one
        .refused("select replication.wait_for_members('100 ms')")
        .await?;
    assert_eq!(refused.message(), "not everything is on every member yet");
    assert_eq!(
        refused.detail(),
        Some("These members do not have all of it: two (h2:2).")
    );
    pair.one
        .run("update public.node set state = 'removed' where id = 'two'")
        .await?;
    pair.one.run("select replication.wait_for_members('0 s')").await
}

#[tokio::test]
async fn waiting_for_members_is_refused_where_it_would_not_mean_what_it_says() -> Result<()> {
    let node = Alone::start().await?;
    let session = node.session().await?;
    session
        .batch_execute("begin; insert into public.item values ('a', 'x')")
        .await?;
    let unsent = refused(&session, "select replication.wait_for_members()").await?;
    assert!(unsent.message().starts_with("this transaction has written"), "{unsent}");
    session
        .batch_execute("rollback; begin isolation level repeatable read")
        .await?;
    let blind = refused(&session, "select replication.wait_for_members()").await?;
    assert!(blind.message().contains("would not see what arrives"), "{blind}");
    node.run("begin; select count(*) from public.item; select replication.wait_for_members(); commit")
        .await
}
