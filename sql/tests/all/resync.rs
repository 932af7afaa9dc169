//! What a link has lost is noticed, remembered, and mended by reading the peer's rows anew.

use anyhow::{Context as _, Result};
use keystead::clock::Micros;
use keystead::replication::names;
use keystead::replication::resync::{Kept, Reason};
use sql::{Connection, copy, digest, heartbeat, link, resync};
use tokio::task::JoinSet;

use crate::node::{Alone, ONE, PATIENCE, Pair, TWO};
use crate::wait;

/// Node 2's role on node 1.
const PEER: &str = "peer_00000000000000000000000000000002";

/// Node 1 knows node 2, which may ask it what peers ask.
async fn known(pair: &Pair) -> Result<Connection> {
    link::make_role(&pair.one.db, PEER).await?;
    link::admit(&pair.one.db, PEER).await?;
    pair.one
        .run("insert into public.node values ('00000000000000000000000000000002', 2, 'h', 5432, '', 'ready', 'ready', 's')")
        .await?;
    pair.one.session_as(PEER).await
}

async fn beat(pair: &Pair) -> Result<Micros> {
    let at = heartbeat::begin(&pair.one.db).await?.at;
    heartbeat::beat(&pair.one.db, ONE, at).await?;
    Ok(at)
}

/// Node 2 stops reading, and its slot on node 1 is free.
async fn stop_reading(pair: &Pair) -> Result<()> {
    let name = names::link(ONE, TWO);
    pair.two.run(&format!("alter subscription {name} disable")).await?;
    slot_is(pair, "not active").await
}

async fn slot_is(pair: &Pair, condition: &str) -> Result<()> {
    let query = format!(
        "select count(*) from pg_replication_slots where slot_name = '{}' and {condition}",
        names::link(ONE, TWO)
    );
    wait::until(&format!("the slot is {condition}"), PATIENCE, async || {
        Ok(pair.one.count(&query).await? == 1)
    })
    .await
}

async fn move_slot(pair: &Pair) -> Result<()> {
    pair.one
        .run(&format!(
            "select pg_replication_slot_advance('{}', pg_current_wal_lsn())",
            names::link(ONE, TWO)
        ))
        .await
}

/// Node 1 writes what node 2 will never be sent.
async fn lose_something(pair: &Pair) -> Result<()> {
    pair.settle().await?;
    stop_reading(pair).await?;
    pair.one.run("insert into public.item values ('lost', 'x')").await?;
    beat(pair).await?;
    move_slot(pair).await?;
    link::enable(&pair.two.db, &names::link(ONE, TWO)).await?;
    Ok(())
}

async fn gap_is_noticed(pair: &Pair) -> Result<()> {
    beat(pair).await?;
    wait::until("the gap is noticed", PATIENCE, async || {
        Ok(resync::needs(&pair.two.db).await?.get(&ONE) == Some(&Reason::Gap))
    })
    .await
}

#[tokio::test]
async fn a_gap_in_the_heartbeats_of_a_peer_is_remembered_and_proves_nothing() -> Result<()> {
    let pair = Pair::linked().await?;
    lose_something(&pair).await?;
    let before = heartbeat::newest(&pair.two.db).await?;
    gap_is_noticed(&pair).await?;
    // Replication goes on: what is written now arrives, only heartbeats do not count.
    pair.one.run("insert into public.item values ('later', 'x')").await?;
    wait::until("what is written after the gap arrives", PATIENCE, async || {
        Ok(pair
            .two
            .count("select count(*) from public.item where id = 'later'")
            .await?
            == 1)
    })
    .await?;
    assert_eq!(heartbeat::newest(&pair.two.db).await?, before);
    assert_eq!(
        pair.two
            .count("select count(*) from public.item where id = 'lost'")
            .await?,
        0
    );
    assert_eq!(
        pair.two
            .text("select had || ' ' || came from replication.resync")
            .await?,
        "1 3"
    );
    Ok(())
}

#[tokio::test]
async fn reading_the_rows_anew_mends_a_gap() -> Result<()> {
    let pair = Pair::linked().await?;
    let peer = known(&pair).await?;
    lose_something(&pair).await?;
    gap_is_noticed(&pair).await?;

    let name = names::link(ONE, TWO);
    link::drop_subscription(&pair.two.db, &name).await?;
    resync::keep_changes_anew(&peer).await?;
    let newest = resync::newest(&peer, ONE).await?;
    read_anew(&pair, &peer).await?;
    resync::done(&pair.two.db, ONE, newest.as_ref()).await?;
    pair.subscribe(&pair.one, &pair.two).await?;
    link::enable(&pair.two.db, &name).await?;

    pair.settle().await?;
    assert!(
        resync::needs(&pair.two.db).await?.is_empty(),
        "the beats go on without a gap"
    );
    assert_eq!(digest::all(&pair.one.db).await?, digest::all(&pair.two.db).await?);
    Ok(())
}

/// Node 2 reads all rows of node 1 through the merge, but its heartbeats.
async fn read_anew(pair: &Pair, peer: &Connection) -> Result<()> {
    let mut tables = copy::tables(peer).await?;
    tables.retain(|table| table.relation != "public.heartbeat");
    Ok(copy::merge(peer, &pair.two.db, &tables, |_, _| {}).await?)
}

#[tokio::test]
async fn a_restart_of_the_agent_and_rows_that_come_twice_are_no_gap() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.settle().await?;
    resync::end_run(&pair.one.db).await?;
    pair.settle().await?;
    assert_eq!(pair.one.count("select count(*) from replication.run").await?, 2);
    // A subscription without a memory starts where its slot is, which may be behind.
    let name = names::link(ONE, TWO);
    link::drop_subscription(&pair.two.db, &name).await?;
    pair.subscribe(&pair.one, &pair.two).await?;
    link::enable(&pair.two.db, &name).await?;
    pair.settle().await?;
    assert!(resync::needs(&pair.two.db).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_slot_says_whether_it_is_where_its_reader_left_it() -> Result<()> {
    let pair = Pair::linked().await?;
    let peer = known(&pair).await?;
    let look = async || {
        resync::watch_slots(&pair.one.db).await?;
        Ok::<_, anyhow::Error>(resync::slot_kept(&peer).await?)
    };
    let name = names::link(ONE, TWO);
    pair.settle().await?;
    assert_eq!(look().await?, Some(Kept::Kept));
    pair.settle().await?;
    stop_reading(&pair).await?;
    assert_eq!(look().await?, Some(Kept::Kept), "read and left in between");

    pair.one.run("insert into public.item values ('a', 'x')").await?;
    move_slot(&pair).await?;
    assert_eq!(look().await?, Some(Kept::Moved));
    link::enable(&pair.two.db, &name).await?;
    slot_is(&pair, "active").await?;
    assert_eq!(look().await?, Some(Kept::Moved), "until it is made anew");

    link::drop_subscription(&pair.two.db, &name).await?;
    resync::keep_changes_anew(&peer).await?;
    assert_eq!(look().await?, Some(Kept::Kept));
    link::drop_slot(&pair.one.db, &name).await?;
    assert_eq!(resync::slot_kept(&peer).await?, Some(Kept::Missing));
    assert_eq!(look().await?, Some(Kept::Missing));
    link::make_slot(&pair.one.db, &name).await?;
    assert_eq!(look().await?, Some(Kept::Moved), "a slot that somebody made again");
    Ok(())
}

#[tokio::test]
async fn a_slot_that_was_dropped_and_made_again_between_two_looks_is_noticed() -> Result<()> {
    let pair = Pair::linked().await?;
    let peer = known(&pair).await?;
    for _ in 0..3 {
        pair.settle().await?;
    }
    resync::watch_slots(&pair.one.db).await?;
    let name = names::link(ONE, TWO);
    link::drop_slot(&pair.one.db, &name).await?;
    link::make_slot(&pair.one.db, &name).await?;
    // Its reader comes back by itself, and finds a slot.
    slot_is(&pair, "active").await?;
    resync::watch_slots(&pair.one.db).await?;
    assert_eq!(resync::slot_kept(&peer).await?, Some(Kept::Moved));
    Ok(())
}

#[tokio::test]
async fn merging_a_peers_rows_keeps_what_is_newer_here_and_sends_nothing_on() -> Result<()> {
    let pair = Pair::apart().await?;
    pair.two
        .run("insert into public.item values ('i1', 'older'), ('mine', 'x')")
        .await?;
    pair.one
        .run(
            "insert into public.item select 'i' || n, repeat('x', 100) from generate_series(1, 2000) n;
              delete from public.item where id = 'i7'; insert into public.item values ('i0', 'older')",
        )
        .await?;
    pair.two.run("insert into public.item values ('i0', 'newer')").await?;
    pair.two.listen().await?;
    let table = copy::tables(&pair.one.db)
        .await?
        .into_iter()
        .find(|table| table.relation == "public.item")
        .context("item is enlisted")?;
    let mut rows_told = 0;
    for _ in 0..2 {
        copy::merge(&pair.one.db, &pair.two.db, std::slice::from_ref(&table), |rows, _| {
            rows_told += rows;
        })
        .await?;
    }
    assert_eq!(rows_told, 2 * 2001);
    assert_eq!(
        pair.two
            .text("select string_agg(value, ' ' order by id) from live.item where id in ('i0', 'i1', 'i7', 'mine')")
            .await?,
        format!("newer {} x", "x".repeat(100))
    );
    assert_eq!(
        pair.two.count("select count(*) from public.item where deleted").await?,
        1
    );
    assert_eq!(pair.two.sent().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_node_that_was_rolled_back_does_not_know_what_its_peers_have_heard_until_it_remembers_it() -> Result<()> {
    let pair = Pair::linked().await?;
    let copy = "create table public.old as select * from replication.run; \
                create table public.old_beat as select * from public.heartbeat";
    pair.settle().await?;
    pair.one.run(copy).await?;
    resync::end_run(&pair.one.db).await?;
    pair.settle().await?;
    let heard = resync::heard(&pair.two.db, ONE)
        .await?
        .context("node 2 has heard node 1")?;
    assert!(resync::past(&pair.one.db).await?.knows(&heard));

    pair.one
        .apply(
            "delete from replication.run; insert into replication.run select * from public.old; \
                delete from public.heartbeat; insert into public.heartbeat select * from public.old_beat",
        )
        .await?;
    resync::end_run(&pair.one.db).await?;
    assert!(!resync::past(&pair.one.db).await?.knows(&heard));
    for _ in 0..5 {
        beat(&pair).await?;
    }
    assert!(
        !resync::past(&pair.one.db).await?.knows(&heard),
        "sending on hides nothing"
    );
    resync::remember(&pair.one.db, &heard).await?;
    assert!(resync::past(&pair.one.db).await?.knows(&heard));
    Ok(())
}

#[tokio::test]
async fn the_last_beat_of_an_agent_that_died_is_waited_for_and_known() -> Result<()> {
    let node = Alone::start().await?;
    heartbeat::beat(&node.db, ONE, heartbeat::begin(&node.db).await?.at).await?;
    // The dead agent's session, which PostgreSQL has not ended yet.
    let left = node.session().await?;
    left.batch_execute("begin; select replication.beat(1, 1)").await?;
    let ending = node.session().await?;
    let mut ended = JoinSet::new();
    ended.spawn(async move { resync::end_run(&ending).await });
    let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%end_run%'";
    wait::until("the end of the run waits for the beat", PATIENCE, async || {
        Ok(node.count(waits).await? == 1)
    })
    .await?;
    left.batch_execute("commit").await?;
    ended.join_next().await.context("the end of the run")???;
    let forgotten =
        "select count(*) from public.heartbeat h join replication.past() p using (run) where h.beat > p.ended";
    assert_eq!(node.count(forgotten).await?, 0);
    assert_eq!(
        node.count("select count(*) from replication.past() where ended = 2")
            .await?,
        1
    );
    Ok(())
}

#[tokio::test]
async fn a_fenced_node_vouches_for_nothing() -> Result<()> {
    let pair = Pair::linked().await?;
    let peer = known(&pair).await?;
    beat(&pair).await?;
    assert!(!resync::peers_past(&peer).await?.0.is_empty());
    resync::need(&pair.one.db, TWO, Reason::Gap).await?;
    resync::fence(&pair.one.db, &[TWO]).await?;
    assert_eq!(resync::needs(&pair.one.db).await?.get(&TWO), Some(&Reason::RolledBack));
    assert!(resync::peers_past(&peer).await?.0.is_empty());
    assert!(sql::lease::grant(&peer, "holder", 5).await.is_err(), "no lease");
    resync::unfence(&pair.one.db).await?;
    assert!(!resync::peers_past(&peer).await?.0.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_copy_older_than_what_others_have_purged_cannot_catch_up() -> Result<()> {
    let pair = Pair::linked().await?;
    let _known = known(&pair).await?;
    pair.one
        .run("insert into public.node values ('00000000000000000000000000000001', 1, 'h', 5432, '', 'ready', 'ready', 's')")
        .await?;
    pair.settle().await?;
    let newest = heartbeat::newest(&pair.one.db).await?;
    let oldest = *newest.values().min().context("both nodes have beaten")?;
    assert!(
        !resync::is_too_old(&pair.one.db, Micros(i64::MAX)).await?,
        "it was not rolled back"
    );
    resync::fence(&pair.one.db, &[TWO]).await?;
    assert!(!resync::is_too_old(&pair.one.db, oldest).await?);
    assert!(resync::is_too_old(&pair.one.db, Micros(oldest.0 + 1)).await?);
    assert!(
        resync::is_too_old(&pair.one.db, oldest).await?,
        "once it is so, it stays so"
    );
    assert_eq!(resync::too_old(&pair.one.db).await?, Some(true));
    Ok(())
}
