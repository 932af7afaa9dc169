//! A backlog is stored without looking whether its rows are here already; those that are, are merged all the same.

use anyhow::Result;
use keystead::replication::names;
use sql::{digest, link};

use crate::node::{ONE, PATIENCE, Pair, TWO};
use crate::wait::until;

/// It is judged at every row, not at one in thousands, whether the next ones are looked for.
const JUDGE_EVERY_ROW: &str = "create or replace function replication.judged_one_in() returns bigint
    language sql immutable as 'select 1::bigint'";

/// Written by the first node in transactions of their own: from the third on, nothing need be looked for.
const ONE_BY_ONE: &str = "insert into public.item values ('a', 'x'); insert into public.item values ('b', 'x');
    insert into public.item values ('c', 'x'); insert into public.item values ('d', 'x');
    insert into public.item values ('e', 'x'); insert into public.item values ('f', 'x');
    insert into public.item values ('g', 'x'); insert into public.item values ('h', 'x')";

/// How often the second node's subscription has failed.
async fn failures(pair: &Pair) -> Result<i64> {
    let errors =
        "select sum(apply_error_count)::bigint from pg_stat_subscription_stats where subname = 'keystead_1_to_2'";
    pair.two.count(errors).await
}

/// Two nodes. The first one's changes are kept for the second.
async fn apart() -> Result<Pair> {
    let pair = Pair::apart().await?;
    pair.two.run(JUDGE_EVERY_ROW).await?;
    Ok(pair)
}

/// Waits until what the first node has written is a backlog.
async fn grow_old(pair: &Pair) -> Result<()> {
    let young = "select count(*) from public.item
        where version > date_part('epoch', clock_timestamp()) * 1000000 - 1000000";
    until("the rows are old", PATIENCE, async || {
        Ok(pair.one.count(young).await? == 0)
    })
    .await
}

/// The second node takes what was kept for it. How often that failed.
async fn drain(pair: &Pair) -> Result<i64> {
    let before = failures(pair).await?;
    pair.link().await?;
    pair.settle().await?;
    // The worker tells its statistics as it ends.
    link::pause(&pair.two.db, &names::link(ONE, TWO)).await?;
    assert_eq!(digest::all(&pair.one.db).await?, digest::all(&pair.two.db).await?);
    Ok(failures(pair).await? - before)
}

/// Another node's later write of this row has come to both, by another way.
async fn overtake(pair: &Pair, id: &str) -> Result<()> {
    let later = format!("insert into replication.outbox_item values ('{id}', 'later', 9000000000000000, 3, false)");
    pair.two.apply(&later).await?;
    pair.one.apply(&later).await
}

async fn each_alone(pair: &Pair, statements: &str) -> Result<()> {
    for statement in statements.split(';') {
        pair.one.run(statement).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_overtaken_row_of_a_backlog_fails_once_and_is_merged_and_soon_after_it_rows_are_looked_for() -> Result<()> {
    let pair = apart().await?;
    each_alone(&pair, ONE_BY_ONE).await?;
    grow_old(&pair).await?;
    overtake(&pair, "d").await?;
    overtake(&pair, "h").await?;
    assert_eq!(drain(&pair).await?, 1, "it was looked for, or it failed again");
    let values = "select string_agg(value, ',' order by id) from live.item";
    assert_eq!(pair.two.text(values).await?, "x,x,x,later,x,x,x,later");
    Ok(())
}

/// In the midst of a large transaction it has become long ago that a session stopped looking.
const LONG_AGO: &str = "
    create function public.let_time_pass() returns trigger language plpgsql as
        'begin perform setval(''replication.unlooked'', 1); return new; end';
    create trigger let_time_pass after insert on public.item
        for each row when (new.id = 'row-250') execute function public.let_time_pass();
    alter table public.item enable always trigger let_time_pass";

#[tokio::test]
async fn a_large_transaction_that_was_refused_at_its_end_is_looked_through_whole() -> Result<()> {
    let pair = apart().await?;
    pair.two.run(LONG_AGO).await?;
    each_alone(&pair, ONE_BY_ONE).await?;
    pair.one
        .run("insert into public.item select 'row-' || n, 'x' from generate_series(1, 500) n")
        .await?;
    grow_old(&pair).await?;
    overtake(&pair, "row-499").await?;
    overtake(&pair, "row-500").await?;
    assert_eq!(drain(&pair).await?, 1, "it was looked for, or it failed again");
    assert_eq!(
        pair.two
            .count("select count(*) from live.item where value = 'later'")
            .await?,
        2
    );
    Ok(())
}

#[tokio::test]
async fn rows_that_are_not_old_are_looked_for() -> Result<()> {
    let pair = apart().await?;
    // An hour ahead, so that they do not grow old while a busy machine runs this.
    pair.one
        .run("select setval('replication.floor', (date_part('epoch', now()) * 1000000)::bigint + 3600000000)")
        .await?;
    each_alone(&pair, ONE_BY_ONE).await?;
    overtake(&pair, "d").await?;
    assert_eq!(drain(&pair).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_row_of_a_backlog_that_was_purged_here_does_not_come_back() -> Result<()> {
    let pair = apart().await?;
    each_alone(&pair, ONE_BY_ONE).await?;
    grow_old(&pair).await?;
    let written = pair.one.count("select version from public.item where id = 'g'").await?;
    pair.two
        .run(&format!("select replication.purge({written}, 10)"))
        .await?;
    pair.link().await?;
    pair.settle().await?;
    assert_eq!(pair.two.text("select string_agg(id, ',') from live.item").await?, "h");
    Ok(())
}
