//! A member whose PostgreSQL takes connections and then stands still over every question: it holds up itself and nobody else.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use tokio::time::Instant;

use crate::harness::Cluster;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::removal::delete;

/// Whoever asks for one of these waits, after it was let in: who is in the cluster, what was heard, who has the lease.
const STAND_STILL: &str = "begin; lock table public.node, public.heartbeat, replication.lease in access exclusive mode";

/// No more than a user waits for, with what a busy machine needs.
const SOON: Duration = Duration::from_secs(40);

const LANES: &str = "select coalesce(string_agg(subname, ' ' order by subname), '') from pg_subscription
    where starts_with(subname, 'lane_')";

const LINKS: &str = "select coalesce(string_agg(slot_name, ' ' order by slot_name), '') from pg_replication_slots";

#[tokio::test]
async fn comparing_lanes_and_removal_go_on_while_a_member_takes_connections_and_stands_still() -> Result<()> {
    let cluster = Cluster::new(3).await?;
    let [first, _, still] = cluster.nodes.as_slice() else {
        anyhow::bail!("three nodes")
    };
    first.json(&["cluster", "ack", "set", "--ack", "local"]).await?;
    let (id, address) = (still.id().await?, still.address.to_string());
    let lock = still.db(sql::database::CLUSTER).await?;
    lock.batch_execute(STAND_STILL).await?;

    let began = Instant::now();
    let said = first.ksctl(&["cluster", "verify"]).await?;
    ensure!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
    let report: Value = serde_json::from_str(&said.stdout)?;
    let outcome = |number: usize| report["members"][number]["outcome"].as_str();
    assert_eq!(
        (outcome(0), outcome(1)),
        (Some("equal"), Some("not compared")),
        "{report}"
    );
    ensure!(said.stderr.contains(&address), "{said:?}");

    until("it is an alarm that the member does not answer", PATIENCE, async || {
        let raised = first
            .json(&["alarms", "list", "--name", "Cluster Node Down", "--state", "on"])
            .await?;
        ensure!(raised.to_string().contains(&address), "{raised}");
        Ok(true)
    })
    .await?;

    first.json(&["cluster", "lanes", "set", "--lanes", "2"]).await?;
    until("the lanes of the other member are taken", PATIENCE, async || {
        let lanes = first.query(LANES).await?;
        ensure!(lanes == "lane_2_to_1_1", "{lanes}");
        Ok(true)
    })
    .await?;

    let began = Instant::now();
    delete(first, &id).await?.text()?;
    ensure!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
    until(
        "nothing is kept for it any more, and all others send in two lanes",
        PATIENCE,
        async || {
            let links = first.query(LINKS).await?;
            ensure!(links == "keystead_1_to_2 lane_1_to_2_1", "{links}");
            let lanes = first.json(&["cluster", "lanes", "get"]).await?;
            ensure!(lanes["sendsIn"] == 2, "{lanes}");
            Ok(true)
        },
    )
    .await?;
    Ok(lock.batch_execute("rollback").await?)
}

#[tokio::test]
async fn the_other_one_of_two_is_removed_while_it_takes_connections_and_stands_still() -> Result<()> {
    let cluster = Cluster::new(2).await?;
    let (first, still) = (cluster.first(), &cluster.nodes[1]);
    let id = still.id().await?;
    let lock = still.db(sql::database::CLUSTER).await?;
    lock.batch_execute(STAND_STILL).await?;
    // It is asked for the lease though it has no vote: it may be removing this node.
    let began = Instant::now();
    delete(first, &id).await?.text()?;
    ensure!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
    until("nothing is kept for it any more", PATIENCE, async || {
        Ok(first.query(LINKS).await?.is_empty())
    })
    .await?;
    Ok(lock.batch_execute("rollback").await?)
}
