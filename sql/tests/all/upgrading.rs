//! What a new version adds to enlisted tables, while the other node is of the version before.

use anyhow::{Result, ensure};
use sql::{link, version};

use crate::node::{Node, PATIENCE, Pair};
use crate::wait::until;

/// What the migration of the next version does.
const NEXT: i32 = 99;
const COLUMNS: &str = "select replication.add_column('public.item', 'note', 'text', 99),
                              replication.add_column('public.item', 'grade', 'integer', 99, '7')";
const TABLE: &str = "create table public.label (id text primary key, value text);
                     select replication.enlist_later('public.label', 99)";

/// What there is of items, as text.
const ITEMS: &str =
    "select coalesce(string_agg(concat_ws('-', id, value, note, grade), ' ' order by id), '') from live.item";

async fn both_hold(pair: &Pair, items: &str) -> Result<()> {
    pair.settle().await?;
    for node in [&pair.one, &pair.two] {
        assert_eq!(node.text(ITEMS).await?, items, "on node {}", node.number);
    }
    assert_eq!(digest(&pair.one).await?, digest(&pair.two).await?);
    Ok(())
}

async fn digest(node: &Node) -> Result<String> {
    node.text(
        "select string_agg(d::text, ' ' order by d::text) from replication.digest(4) d where relation = 'public.item'",
    )
    .await
}

#[tokio::test]
async fn rows_go_to_and_fro_between_a_node_that_has_the_new_column_and_one_that_does_not() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.one.run("insert into public.item values ('a', '1')").await?;
    pair.settle().await?;
    pair.one.run(COLUMNS).await?;
    pair.one.run("insert into public.item values ('b', '1')").await?;
    pair.two
        .run("insert into public.item values ('c', '1'); update public.item set value = '2' where id = 'a'")
        .await?;
    pair.settle().await?;
    assert_eq!(digest(&pair.one).await?, digest(&pair.two).await?);
    assert_eq!(pair.one.text(ITEMS).await?, "a-2-7 b-1-7 c-1-7");
    pair.two.run(COLUMNS).await?;
    both_hold(&pair, "a-2-7 b-1-7 c-1-7").await
}

#[tokio::test]
async fn a_new_column_is_refused_until_every_node_passes_it_on() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.one.run("insert into public.item values ('a', '1')").await?;
    for node in [&pair.one, &pair.two] {
        version::use_all(&node.db).await?;
        node.run(COLUMNS).await?;
    }
    for write in [
        "update public.item set note = 'n'",
        "update public.item set grade = 8",
        "insert into public.item (id, note) values ('b', 'n')",
        "insert into public.item (id, grade) values ('b', 8)",
    ] {
        assert_eq!(pair.one.refused(write).await?.code().code(), "KS002", "{write}");
    }
    for node in [&pair.one, &pair.two] {
        version::send_pending(&node.db, NEXT).await?;
        assert_eq!(
            node.refused("update public.item set note = 'n'").await?.code().code(),
            "KS002"
        );
    }
    let used = version::use_pending(&pair.one.db, NEXT).await?;
    assert_eq!(used.as_deref(), Some("public.item.grade, public.item.note"));
    pair.one
        .run("update public.item set note = 'n', grade = 8 where id = 'a'")
        .await?;
    pair.settle().await?;
    // The other one may not write it yet, and keeps it.
    pair.two
        .run("update public.item set value = '2' where id = 'a'")
        .await?;
    both_hold(&pair, "a-2-n-8").await?;
    version::use_pending(&pair.two.db, NEXT).await?;
    pair.two
        .run("update public.item set id = 'b', note = 'm' where id = 'a'")
        .await?;
    both_hold(&pair, "b-2-m-8").await
}

#[tokio::test]
async fn a_column_that_reaches_a_node_without_a_place_for_it_waits_and_is_not_lost() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.one.run(COLUMNS).await?;
    // Against the rule: the other node has not been asked.
    version::use_all(&pair.one.db).await?;
    pair.one
        .run("insert into public.item values ('a', '1'), ('b', '2'); update public.item set note = 'n'")
        .await?;
    let errors = "select apply_error_count from pg_stat_subscription_stats where subname = 'keystead_1_to_2'";
    until("the link is stuck", PATIENCE, async || {
        Ok(pair.two.count(errors).await? > 0)
    })
    .await?;
    assert_eq!(pair.two.count("select count(*) from live.item").await?, 0);
    pair.two.run(COLUMNS).await?;
    version::use_all(&pair.two.db).await?;
    both_hold(&pair, "a-1-n-7 b-2-n-7").await
}

#[tokio::test]
async fn a_new_table_is_taken_before_anybody_may_write_to_it() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.one.run(TABLE).await?;
    let insert = "insert into public.label values ('a', '1')";
    assert_eq!(pair.one.refused(insert).await?.code().code(), "KS002");
    // Nothing of it goes to a node that does not have it.
    pair.one.run("insert into public.item values ('a', '1')").await?;
    pair.settle().await?;
    assert_eq!(pair.two.count("select count(*) from live.item").await?, 1);
    pair.two.run(TABLE).await?;
    for node in [&pair.one, &pair.two] {
        assert_eq!(link::ignorant(&node.db).await?, Vec::<String>::new());
        version::send_pending(&node.db, NEXT).await?;
    }
    for node in [&pair.one, &pair.two] {
        let ignorant = link::ignorant(&node.db).await?;
        ensure!(ignorant.len() == 1, "{ignorant:?}");
        link::refresh(&node.config, &ignorant[0]).await?;
        assert_eq!(link::ignorant(&node.db).await?, Vec::<String>::new());
        version::use_pending(&node.db, NEXT).await?;
    }
    pair.one.run(insert).await?;
    pair.settle().await?;
    assert_eq!(pair.two.text("select value from live.label").await?, "1");
    Ok(())
}
