//! One node's changes in more than one lane: each carries some, none is cut in two, and nothing is promised before all
//! lanes have it.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use keystead::clock::Micros;
use keystead::replication::names;
use keystead::replication::resync::{Kept, Reason};
use sql::{Connection, digest, heartbeat, lane, link, resync};

use crate::node::{Node, ONE, PATIENCE, Pair, TWO, refused};
use crate::wait::until;

const PEER: &str = "peer_00000000000000000000000000000002";

/// Writes so many rows, each in a transaction of its own.
const WRITE: &str =
    "do $$ begin for n in 1..200 loop insert into public.item values ($1 || n, 'x'); commit; end loop; end $$";

fn write(prefix: &str) -> String {
    WRITE.replace("$1", &format!("'{prefix}'"))
}

/// Two nodes whose writers wait for nobody, the second of which reads all lanes of the first.
async fn with_lanes() -> Result<Pair> {
    let pair = Pair::linked().await?;
    pair.one.run("alter system set synchronous_commit = local").await?;
    pair.one.run("select pg_reload_conf()").await?;
    until("writers wait for nobody", PATIENCE, async || {
        Ok(pair.one.text("show synchronous_commit").await? == "local")
    })
    .await?;
    read_lane(&pair, 1).await?;
    Ok(pair)
}

async fn read_lane(pair: &Pair, number: i32) -> Result<()> {
    let name = names::lane(ONE, TWO, number);
    link::make_slot(&pair.one.db, &name).await?;
    pair.subscribe_to_lane(number).await?;
    Ok(link::enable(&pair.two.db, &name).await?)
}

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

async fn heard(pair: &Pair) -> Result<Micros> {
    let newest = heartbeat::newest(&pair.two.db).await?;
    Ok(newest.get(&ONE).copied().unwrap_or(Micros(0)))
}

async fn waiting(pair: &Pair) -> Result<i64> {
    pair.two.count("select count(*) from replication.promised").await
}

async fn items(node: &Node) -> Result<i64> {
    node.count("select count(*) from public.item").await
}

async fn agree(pair: &Pair) -> Result<()> {
    pair.settle().await?;
    assert_eq!(digest::all(&pair.one.db).await?, digest::all(&pair.two.db).await?);
    assert!(resync::needs(&pair.two.db).await?.is_empty());
    Ok(())
}

/// How many transactions went through the slot of the second lane.
async fn carried(pair: &Pair) -> Result<i64> {
    let query = format!(
        "select count(*) from pg_stat_replication_slots where slot_name = '{}' and total_txns > 50",
        names::lane(ONE, TWO, 1)
    );
    pair.one.count(&query).await
}

#[tokio::test]
async fn rows_arrive_over_both_lanes() -> Result<()> {
    let pair = with_lanes().await?;
    assert!(lane::send_in(&pair.one.db, 2).await?);
    pair.one.run(&write("a")).await?;
    pair.one
        .run("update public.item set value = 'y' where id like 'a1%'; delete from public.item where id = 'a2'")
        .await?;
    let in_lane = |lane: i32| format!("select count(*) from public.item where mod(version, 2) = {lane}");
    for number in [0, 1] {
        ensure!(pair.one.count(&in_lane(number)).await? > 20, "lane {number}");
    }
    agree(&pair).await?;
    assert_eq!(items(&pair.two).await?, 200);
    until("the second lane is counted", PATIENCE, async || {
        Ok(carried(&pair).await? == 1)
    })
    .await
}

#[tokio::test]
async fn a_transaction_is_in_one_lane_and_arrives_as_one() -> Result<()> {
    let pair = with_lanes().await?;
    assert!(lane::send_in(&pair.one.db, 2).await?);
    for round in 0..6 {
        pair.one
            .run(&format!(
                "begin; insert into public.item select '{round}a' || n, 'x' from generate_series(1, 500) n;
                 insert into public.item select '{round}b' || n, 'x' from generate_series(1, 500) n;
                 update public.item set value = 'y' where id like '{round}a%'; commit"
            ))
            .await?;
        until("all of it is there", PATIENCE, async || {
            let seen = items(&pair.two).await? - 1000 * round;
            ensure!(
                seen == 0 || seen == 1000,
                "{seen} of 1000 rows of one transaction were visible"
            );
            Ok(seen == 1000)
        })
        .await?;
        let lanes = format!("select count(distinct mod(version, 2)) from public.item where id like '{round}%'");
        assert_eq!(pair.one.count(&lanes).await?, 1);
    }
    agree(&pair).await
}

#[tokio::test]
async fn a_heartbeat_is_heard_when_all_lanes_have_what_it_promises() -> Result<()> {
    let pair = with_lanes().await?;
    assert!(lane::send_in(&pair.one.db, 2).await?);
    pair.settle().await?;
    link::pause(&pair.two.db, &names::lane(ONE, TWO, 1)).await?;
    let before = heard(&pair).await?;
    pair.one.run(&write("a")).await?;
    for _ in 0..3 {
        beat(&pair).await?;
    }
    let last = beat(&pair).await?;
    until("all heartbeats have come", PATIENCE, async || {
        Ok(waiting(&pair).await? == 4)
    })
    .await?;
    // What comes after them is not held up.
    pair.one
        .run("set keystead.lane = '0'; insert into public.item values ('later', 'x'); reset keystead.lane")
        .await?;
    until("the first lane goes on", PATIENCE, async || {
        Ok(pair
            .two
            .count("select count(*) from public.item where id = 'later'")
            .await?
            == 1)
    })
    .await?;
    assert_eq!(heard(&pair).await?, before);
    ensure!(
        items(&pair.two).await? < 201,
        "the other lane has something that was not taken"
    );
    link::enable(&pair.two.db, &names::lane(ONE, TWO, 1)).await?;
    until("they are heard", PATIENCE, async || Ok(heard(&pair).await? == last)).await?;
    assert_eq!(items(&pair.two).await?, 201);
    assert_eq!(waiting(&pair).await?, 0);
    agree(&pair).await
}

#[tokio::test]
async fn raising_and_lowering_the_number_under_load_loses_nothing() -> Result<()> {
    let pair = with_lanes().await?;
    read_lane(&pair, 2).await?;
    let writer = pair.one.session().await?;
    let switched = AtomicBool::new(false);
    let load = async {
        let mut round = 0;
        while !switched.load(Ordering::Relaxed) {
            writer.batch_execute(&write(&format!("l{round}-"))).await?;
            round += 1;
        }
        Ok::<_, anyhow::Error>(())
    };
    let switch = async {
        for number in [2, 3, 1, 3, 2, 1] {
            until("the number of lanes is changed", PATIENCE, async || {
                Ok(lane::send_in(&pair.one.db, number).await?)
            })
            .await?;
            beat(&pair).await?;
            let so_far = items(&pair.one).await?;
            until("something is written", PATIENCE, async || {
                Ok(items(&pair.one).await? > so_far + 50)
            })
            .await?;
        }
        switched.store(true, Ordering::Relaxed);
        Ok::<_, anyhow::Error>(())
    };
    tokio::try_join!(load, switch)?;
    agree(&pair).await?;
    assert_eq!(items(&pair.two).await?, items(&pair.one).await?);
    assert_eq!(
        pair.two
            .count("select lanes::bigint from public.heartbeat where number = 1")
            .await?,
        1
    );
    Ok(())
}

#[tokio::test]
async fn what_is_heard_after_lowering_proves_that_the_other_lane_was_taken() -> Result<()> {
    let pair = with_lanes().await?;
    assert!(lane::send_in(&pair.one.db, 2).await?);
    pair.settle().await?;
    link::pause(&pair.two.db, &names::lane(ONE, TWO, 1)).await?;
    pair.one.run(&write("a")).await?;
    assert!(lane::send_in(&pair.one.db, 1).await?);
    beat(&pair).await?;
    until("the heartbeat has come", PATIENCE, async || {
        Ok(waiting(&pair).await? == 1)
    })
    .await?;
    assert_eq!(lane::told(&pair.two.db).await?.get(&ONE), Some(&2));
    link::enable(&pair.two.db, &names::lane(ONE, TWO, 1)).await?;
    until("one lane is heard of", PATIENCE, async || {
        Ok(lane::told(&pair.two.db).await?.get(&ONE) == Some(&1))
    })
    .await?;
    assert_eq!(items(&pair.two).await?, 200);
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_waits_for_peers_is_in_the_first_lane() -> Result<()> {
    let pair = with_lanes().await?;
    pair.one
        .run("alter system set synchronous_standby_names = 'ANY 1 (keystead_1_to_2)'")
        .await?;
    pair.one.run("select pg_reload_conf()").await?;
    assert!(lane::send_in(&pair.one.db, 2).await?);
    let streaming = "select count(*) from pg_stat_get_wal_senders() where state = 'streaming' and sync_priority > 0";
    until("the peer counts", PATIENCE, async || {
        Ok(pair.one.count(streaming).await? == 1)
    })
    .await?;
    link::pause(&pair.two.db, &names::lane(ONE, TWO, 1)).await?;
    for number in 0..10 {
        pair.one
            .run(&format!(
                "begin; select replication.wait_for_peers(1); insert into public.item values ('w{number}', 'x'); commit"
            ))
            .await?;
        assert_eq!(items(&pair.two).await?, number + 1);
    }
    // One that has begun in another lane is refused.
    let session = pair.one.session().await?;
    session
        .batch_execute("begin; set local keystead.lane = '1'; insert into public.item values ('late', 'x')")
        .await?;
    let refused = refused(&session, "select replication.wait_for_peers(1)").await?;
    ensure!(refused.message().contains("a lane that nobody waits for"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_lane_is_kept_for_its_reader_before_it_is_sent_in() -> Result<()> {
    let pair = Pair::linked().await?;
    let peer = known(&pair).await?;
    assert!(!lane::send_in(&pair.one.db, 2).await?, "its reader has no slot");
    assert!(lane::keep(&peer, 1).await? && lane::keep(&peer, 1).await?);
    assert!(lane::send_in(&pair.one.db, 2).await?);
    assert!(!lane::end(&peer, 1).await?, "it is sent in");
    resync::watch_slots(&pair.one.db).await?;
    assert_eq!(resync::slot_kept(&peer).await?, Some(Kept::Kept));

    link::drop_slot(&pair.one.db, &names::lane(ONE, TWO, 1)).await?;
    assert_eq!(resync::slot_kept(&peer).await?, Some(Kept::Missing));
    assert!(!lane::keep(&peer, 1).await?, "what was lost is not made to look whole");
    link::drop_subscription(&pair.two.db, &names::link(ONE, TWO)).await?;
    resync::keep_changes_anew(&peer).await?;
    assert_eq!(resync::slot_kept(&peer).await?, Some(Kept::Kept));

    assert!(lane::send_in(&pair.one.db, 1).await?);
    assert!(lane::end(&peer, 1).await? && lane::end(&peer, 1).await?);
    resync::watch_slots(&pair.one.db).await?;
    assert_eq!(resync::slot_kept(&peer).await?, Some(Kept::Kept));
    assert!(link::actual(&pair.one.db).await?.lane_slots.is_empty());
    Ok(())
}

#[tokio::test]
async fn what_a_lane_has_lost_is_noticed_and_keeps_heartbeats_from_being_heard() -> Result<()> {
    let pair = with_lanes().await?;
    assert!(lane::send_in(&pair.one.db, 2).await?);
    pair.settle().await?;
    let name = names::lane(ONE, TWO, 1);
    link::drop_slot(&pair.one.db, &name).await?;
    pair.one.run(&write("a")).await?;
    let before = beat(&pair).await?;
    link::make_slot(&pair.one.db, &name).await?;
    beat(&pair).await?;
    until("the gap is noticed", PATIENCE, async || {
        Ok(resync::needs(&pair.two.db).await?.get(&ONE) == Some(&Reason::Gap))
    })
    .await?;
    ensure!(heard(&pair).await? < before);

    // Mended as a link is.
    let newest = resync::newest(&pair.one.db, ONE).await?;
    let mut tables = sql::copy::tables(&pair.one.db).await?;
    tables.retain(|table| !["public.heartbeat", "public.lane_beat"].contains(&table.relation.as_str()));
    sql::copy::merge(&pair.one.db, &pair.two.db, &tables, |_, _| {}).await?;
    resync::done(&pair.two.db, ONE, newest.as_ref()).await?;
    agree(&pair).await
}

#[tokio::test]
async fn stamping_calls_no_function_for_lanes_whatever_their_number() -> Result<()> {
    let pair = with_lanes().await?;
    for number in [1, 2] {
        assert!(lane::send_in(&pair.one.db, number).await?);
        let plan = pair
            .one
            .db
            .query(
                "explain verbose select replication.in_lane(replication.version_now()), replication.lanes()",
                &[],
            )
            .await?;
        let plan: String = plan.iter().map(|row| row.get::<_, String>(0)).collect();
        ensure!(
            plan.contains("clock_timestamp") && !plan.contains("replication.in_lane"),
            "{plan}"
        );
        ensure!(!plan.contains("replication.lane"), "{plan}");
    }
    Ok(())
}
