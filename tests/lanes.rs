//! A cluster that is set to two lanes: each carries some, and everything that happens to links happens to both.

use anyhow::{Context as _, Result, ensure};

use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::load::Load;
use crate::load::joining::has_all;
use crate::removal::{delete, nothing_is_left};

/// The slots and subscriptions of other lanes than the first.
const LANES: &str = "select coalesce(string_agg(name, ' ' order by name), '') from (
    select 'slot ' || slot_name from pg_replication_slots where starts_with(slot_name, 'lane_')
    union all select 'subscription ' || subname from pg_subscription where starts_with(subname, 'lane_')) as all_of_them (name)";

/// Slots of the second lane through which nothing went.
const UNUSED: &str = "select count(*)::text from pg_replication_slots slot
    left join pg_stat_replication_slots counted using (slot_name)
    where starts_with(slot_name, 'lane_') and coalesce(counted.total_txns, 0) < 5";

async fn set_lanes(cluster: &Cluster, lanes: &str) -> Result<()> {
    cluster
        .first()
        .json(&["cluster", "lanes", "set", "--lanes", lanes])
        .await?;
    send_in(cluster, lanes).await
}

/// Every node sends in so many.
async fn send_in(cluster: &Cluster, lanes: &str) -> Result<()> {
    for node in &cluster.nodes {
        let what = format!("the node at {} sends in {lanes} lanes", node.address);
        until(&what, PATIENCE, async || {
            let said = node.json(&["cluster", "lanes", "get"]).await?;
            ensure!(said["sendsIn"] == lanes.parse::<i32>()?, "{said}");
            Ok(true)
        })
        .await?;
    }
    Ok(())
}

/// Makes keys on all nodes until they are linked and equal; every acknowledged one is everywhere.
async fn work(cluster: &Cluster) -> Result<()> {
    let mut load = Load::start(&cluster.nodes).await?;
    load.go_on_steadily();
    load.wait_for(200).await?;
    let acknowledged = load.stop().await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    for node in &cluster.nodes {
        has_all(node, &acknowledged).await?;
    }
    Ok(())
}

async fn lanes_are(node: &Node, expected: &str) -> Result<()> {
    let what = format!("the lanes of the node at {}", node.address);
    until(&what, PATIENCE, async || {
        let lanes = node.query(LANES).await?;
        ensure!(lanes == expected, "{lanes}, not {expected}");
        Ok(true)
    })
    .await
}

#[tokio::test]
async fn a_cluster_in_two_lanes_works_heals_grows_and_shrinks() -> Result<()> {
    let mut cluster = Cluster::new(3).await?;
    cluster
        .first()
        .json(&["cluster", "ack", "set", "--ack", "local"])
        .await?;
    set_lanes(&cluster, "2").await?;
    work(&cluster).await?;
    for node in &cluster.nodes {
        until("both lanes are used", PATIENCE, async || {
            Ok(node.query(UNUSED).await? == "0")
        })
        .await?;
    }
    a_dropped_slot_is_healed(&cluster).await?;

    let node = cluster.lab.single().await?;
    cluster.join(node).await?;
    send_in(&cluster, "2").await?;
    work(&cluster).await?;

    let gone = cluster.nodes.pop().context("the fourth node")?;
    let id = gone.id().await?;
    delete(cluster.first(), &id).await?.text()?;
    for node in &cluster.nodes {
        nothing_is_left(node, &id).await?;
    }
    gone.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
    lanes_are(&gone, "").await?;
    lanes_are(
        cluster.first(),
        "slot lane_1_to_2_1 slot lane_1_to_3_1 subscription lane_2_to_1_1 subscription lane_3_to_1_1",
    )
    .await?;

    set_lanes(&cluster, "1").await?;
    work(&cluster).await?;
    for node in &cluster.nodes {
        lanes_are(node, "").await?;
    }
    Ok(())
}

/// While keys are made.
async fn a_dropped_slot_is_healed(cluster: &Cluster) -> Result<()> {
    let mut load = Load::start(&cluster.nodes).await?;
    load.go_on_steadily();
    load.wait_for(50).await?;
    let drop = "do $$ begin
        perform pg_terminate_backend(active_pid, 5000) from pg_replication_slots where slot_name = 'lane_1_to_2_1' and active;
        perform pg_drop_replication_slot('lane_1_to_2_1');
    end $$";
    let db = cluster.first().db(sql::database::CLUSTER).await?;
    until("the slot is dropped", PATIENCE, async || {
        db.batch_execute(drop).await?;
        Ok(true)
    })
    .await?;
    load.wait_for(50).await?;
    let node = &cluster.nodes[1];
    until("the rows are read anew", PATIENCE, async || {
        Ok(node.logged().contains("the rows of a peer were read anew"))
    })
    .await?;
    let acknowledged = load.stop().await?;
    cluster.wait_until_equal().await?;
    cluster.wait_until_linked().await?;
    for node in &cluster.nodes {
        has_all(node, &acknowledged).await?;
    }
    Ok(())
}
