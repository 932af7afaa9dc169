//! Heartbeats: what they wait for, and what may be concluded from one.

use std::collections::BTreeMap;

use anyhow::Result;
use keystead::clock::Micros;
use sql::{heartbeat, replication};
use tokio::task::JoinSet;

use crate::node::{Alone, Node, ONE, PATIENCE, Pair, TWO};
use crate::wait;

#[tokio::test]
async fn a_heartbeat_is_not_finished_while_an_older_writer_is_open() -> Result<()> {
    let node = Alone::start().await?;
    let writer = node.session().await?;
    writer
        .batch_execute("begin; insert into public.item values ('a', 'x')")
        .await?;
    let beginning = heartbeat::begin(&node.db).await?;
    assert!(!heartbeat::is_finished(&node.db, beginning).await?);
    writer.batch_execute("commit").await?;
    assert!(heartbeat::is_finished(&node.db, beginning).await?);
    let late = node.count("select version from public.item").await?;
    assert!(
        Micros(late) <= beginning.at,
        "the row's version {late} is covered by the heartbeat {:?}",
        beginning.at
    );
    Ok(())
}

#[tokio::test]
async fn a_younger_writer_and_a_reader_do_not_hold_a_heartbeat_back() -> Result<()> {
    let node = Alone::start().await?;
    let reader = node.session().await?;
    reader
        .batch_execute("begin isolation level repeatable read; select count(*) from public.item")
        .await?;
    let beginning = heartbeat::begin(&node.db).await?;
    let writer = node.session().await?;
    writer
        .batch_execute("begin; insert into public.item values ('a', 'x')")
        .await?;
    assert!(heartbeat::is_finished(&node.db, beginning).await?);
    Ok(())
}

#[tokio::test]
async fn nothing_with_a_version_up_to_a_finished_heartbeat_is_committed_after_it() -> Result<()> {
    let node = Alone::start().await?;
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let session = node.session().await?;
        writers.spawn(async move {
            for n in 0..150 {
                let row = format!(
                    "begin; insert into public.item values ('{writer}-{n}', ''); select pg_sleep(0.002); commit"
                );
                session.batch_execute(&row).await?;
            }
            Ok::<_, tokio_postgres::Error>(())
        });
    }
    let mut promised = Vec::new();
    while !writers.is_empty() {
        promised.push(rows_up_to_a_heartbeat(&node).await?);
        while let Some(ended) = writers.try_join_next() {
            ended??;
        }
    }
    assert!(
        promised.len() > 10,
        "only {} heartbeats were made beside the writers",
        promised.len()
    );
    for (at, rows) in promised {
        assert_eq!(count_up_to(&node, at).await?, rows, "rows with a version up to {at:?}");
    }
    Ok(())
}

async fn rows_up_to_a_heartbeat(node: &Node) -> Result<(Micros, i64)> {
    let beginning = heartbeat::begin(&node.db).await?;
    let finished = async || Ok(heartbeat::is_finished(&node.db, beginning).await?);
    wait::until("the heartbeat is finished", PATIENCE, finished).await?;
    Ok((beginning.at, count_up_to(node, beginning.at).await?))
}

async fn count_up_to(node: &Node, at: Micros) -> Result<i64> {
    node.count(&format!("select count(*) from public.item where version <= {}", at.0))
        .await
}

#[tokio::test]
async fn the_promise_holds_when_the_clock_is_set_back() -> Result<()> {
    let node = Alone::start().await?;
    // A heartbeat was sent when the clock stood two hours ahead of what it shows now.
    let ahead = node
        .count("select setval('replication.floor', (date_part('epoch', clock_timestamp()) * 1000000)::bigint + 7200000000)")
        .await?;
    node.run("insert into public.item values ('a', 'x'); update public.item set value = 'y'")
        .await?;
    let written = node.count("select version from public.item").await?;
    assert!(written > ahead, "{written} is covered by the heartbeat {ahead}");
    let beginning = heartbeat::begin(&node.db).await?;
    assert!(beginning.at > Micros(ahead), "{beginning:?} is not above {ahead}");
    node.run("insert into public.item values ('b', 'x')").await?;
    let after = node.count("select version from public.item where id = 'b'").await?;
    assert!(Micros(after) > beginning.at, "{after} is covered by {beginning:?}");
    Ok(())
}

#[tokio::test]
async fn a_heartbeat_tells_what_its_node_has_of_the_others() -> Result<()> {
    let pair = Pair::linked().await?;
    heartbeat::beat(&pair.one.db, ONE, Micros(100)).await?;
    let arrived = async || Ok(heartbeat::newest(&pair.two.db).await?.get(&ONE) == Some(&Micros(100)));
    wait::until("the heartbeat of node 1 is on node 2", PATIENCE, arrived).await?;
    heartbeat::beat(&pair.two.db, TWO, Micros(200)).await?;
    let all = heartbeat::all(&pair.two.db).await?;
    let seen: Vec<_> = all
        .get(&TWO)
        .into_iter()
        .flatten()
        .map(|(node, at)| (node.0, at.0))
        .collect();
    assert_eq!(seen, [(1, 100), (2, 200)]);
    Ok(())
}

#[tokio::test]
async fn what_a_node_wrote_after_a_time_is_counted() -> Result<()> {
    let node = Alone::start().await?;
    for id in ["a", "b", "c"] {
        node.run(&format!("insert into public.item values ('{id}', 'x')"))
            .await?;
    }
    node.apply("insert into replication.outbox_item values ('of-another', 'x', 9000000000000000, 3, false)")
        .await?;
    let mut times = Vec::new();
    for id in ["a", "c"] {
        let version = node
            .count(&format!("select version from public.item where id = '{id}'"))
            .await?;
        times.push(Micros(version));
    }
    let written = replication::written_after(&node.db, times.iter().copied().collect()).await?;
    assert_eq!(written, BTreeMap::from([(times[0], 2), (times[1], 0)]));
    Ok(())
}
