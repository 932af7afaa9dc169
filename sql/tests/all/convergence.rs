//! Two nodes, each subscribed to the other by PostgreSQL's own replication.

use anyhow::Result;
use keystead::replication::names;
use sql::{digest, link};

use crate::node::{ONE, Pair, TWO};

#[tokio::test]
async fn what_is_written_on_either_node_is_on_both() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.one
        .run("insert into public.item values ('a', 'one'), ('b', 'one')")
        .await?;
    pair.two.run("insert into public.item values ('c', 'two')").await?;
    pair.settle().await?;
    pair.two
        .run("update public.item set value = 'two' where id = 'a'")
        .await?;
    pair.one.run("delete from public.item where id = 'c'").await?;
    pair.settle().await?;
    for node in [&pair.one, &pair.two] {
        let rows = node
            .text("select string_agg(id || '=' || value, ' ' order by id) from live.item")
            .await?;
        assert_eq!(rows, "a=two b=one", "on node {}", node.number);
    }
    assert_eq!(digest::all(&pair.one.db).await?, digest::all(&pair.two.db).await?);
    Ok(())
}

#[tokio::test]
async fn what_has_arrived_is_not_sent_on() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.one.listen().await?;
    pair.two.listen().await?;
    pair.one
        .run(
            "insert into public.item select 'i' || n, 'x' from generate_series(1, 100) n;
             update public.item set value = 'y' where id like 'i1%'",
        )
        .await?;
    pair.settle().await?;
    assert_eq!(pair.two.count("select count(*) from public.item").await?, 100);
    assert_eq!(pair.one.sent().await?, 112);
    assert_eq!(pair.two.sent().await?, 0);
    Ok(())
}

#[tokio::test]
async fn of_two_concurrent_writes_the_later_is_on_both_nodes_in_the_end() -> Result<()> {
    let pair = Pair::apart().await?;
    pair.one
        .run("insert into public.item values ('a', 'first'), ('b', 'first')")
        .await?;
    pair.two
        .run("insert into public.item values ('a', 'second'), ('b', 'second')")
        .await?;
    pair.one
        .run("update public.item set value = 'third' where id = 'b'")
        .await?;
    pair.link().await?;
    pair.settle().await?;
    for node in [&pair.one, &pair.two] {
        let rows = node
            .text("select string_agg(id || '=' || value, ' ' order by id) from live.item")
            .await?;
        assert_eq!(rows, "a=second b=third", "on node {}", node.number);
    }
    assert_eq!(digest::all(&pair.one.db).await?, digest::all(&pair.two.db).await?);
    Ok(())
}

#[tokio::test]
async fn a_write_after_seeing_another_wins_whatever_the_clocks_say() -> Result<()> {
    let pair = Pair::linked().await?;
    // Node one's clock is ten years ahead: its rows carry versions from the future.
    pair.one
        .run(
            "create function public.ten_years_ahead() returns trigger language plpgsql as
                 'begin new.version := new.version + 315360000000000; return new; end';
             create trigger zzz_clock before insert or update on public.item
                 for each row execute function public.ten_years_ahead();
             insert into public.item values ('a', 'from the future')",
        )
        .await?;
    pair.settle().await?;
    pair.two.run("update public.item set value = 'after it'").await?;
    pair.settle().await?;
    for node in [&pair.one, &pair.two] {
        assert_eq!(
            node.text("select value from live.item").await?,
            "after it",
            "on node {}",
            node.number
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_transaction_arrives_as_one() -> Result<()> {
    let pair = Pair::linked().await?;
    let write = async {
        let many = "insert into public.item select $$ || n || $$, 'x' from generate_series(1, 5000) n";
        let (first, second) = (many.replace("$$", "'a'"), many.replace("$$", "'b'"));
        pair.one.run(&format!("begin; {first}; {second}; commit")).await?;
        pair.settle().await
    };
    tokio::pin!(write);
    loop {
        tokio::select! {
            written = &mut write => break written?,
            seen = pair.two.session() => {
                let seen: i64 = seen?.query_one("select count(*) from public.item", &[]).await?.get(0);
                assert!(seen == 0 || seen == 10_000, "{seen} of 10000 rows of one transaction were visible");
            }
        }
    }
    assert_eq!(pair.two.count("select count(*) from public.item").await?, 10_000);
    Ok(())
}

#[tokio::test]
async fn a_bad_row_does_not_stop_replication() -> Result<()> {
    let pair = Pair::linked().await?;
    // A row that was tampered with on one side only: the other side's row of that key still merges.
    pair.two
        .apply("insert into public.item values ('a', null, 1, 7, false)")
        .await?;
    pair.one.run("insert into public.item values ('a', 'x')").await?;
    pair.one.run("insert into public.item values ('b', 'y')").await?;
    pair.settle().await?;
    assert_eq!(
        pair.two
            .text("select string_agg(value, ',' order by id) from live.item")
            .await?,
        "x,y"
    );
    Ok(())
}

#[tokio::test]
async fn links_can_be_made_again_and_dropped_without_the_other_side() -> Result<()> {
    let pair = Pair::linked().await?;
    let (out, back) = (names::link(ONE, TWO), names::link(TWO, ONE));
    link::make_slot(&pair.one.db, &out).await?;
    let actual = link::actual(&pair.one.db).await?;
    assert_eq!(actual.slots.iter().collect::<Vec<_>>(), [&out]);
    assert_eq!(actual.subscriptions.iter().collect::<Vec<_>>(), [(&back, &true)]);
    // The slot goes first, as when the other side is dead.
    link::drop_slot(&pair.one.db, &out).await?;
    link::drop_slot(&pair.one.db, &out).await?;
    link::drop_subscription(&pair.two.db, &out).await?;
    assert!(link::actual(&pair.two.db).await?.subscriptions.is_empty());
    Ok(())
}
