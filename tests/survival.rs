//! A join survives what happens to the members while it runs: the source dies or stands still in the midst of the copy,
//! PostgreSQL dies on either side, the network flaps. Deaths of the joining node's agent at every stage: `crash.rs`.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::sleep;
use tokio_postgres::Client;

use crate::harness::cluster::fulljoin;
use crate::harness::hosts::on_hosts;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// Longer than a join waits for a member that is gone, and then leaves its members.
const GIVEN_UP: Duration = Duration::from_secs(150);

/// Three members and a node whose copy from the first one stands still for as long as the lock is held.
struct Copying {
    cluster: Cluster,
    node: Node,
    lock: Client,
}

impl Copying {
    async fn begin() -> Result<Self> {
        let mut cluster = Cluster::new(3).await?;
        cluster
            .first()
            .json(&["cluster", "ack", "set", "--ack", "local"])
            .await?;
        for node in &cluster.nodes {
            let name = format!("before-{}", node.address);
            node.json(&["keys", "create", "--name", &name]).await?;
        }
        cluster.wait_until_equal().await?;
        let mut node = stands_still(&mut cluster).await?;
        // Whoever takes the place of the first one must have all that it wrote before it kept changes for the node.
        let newest = cluster
            .first()
            .query("select max(at)::text from live.heartbeat where number = 1")
            .await?;
        for other in &cluster.nodes[1..] {
            until("the others have heard of the first one since", PATIENCE, async || {
                let heard = format!("select (max(at) > {newest})::text from live.heartbeat where number = 1");
                Ok(other.query(&heard).await? == "true")
            })
            .await?;
        }
        let lock = cluster.first().db(sql::database::CLUSTER).await?;
        lock.batch_execute("set idle_in_transaction_session_timeout = 0; begin; lock table public.key")
            .await?;
        node.kill()?;
        node.start().await?;
        let waits = "select count(*)::text from pg_stat_activity
                     where wait_event_type = 'Lock' and starts_with(usename, 'peer_')";
        until("the copy waits for the lock", PATIENCE, async || {
            ensure!(stage(&node).await?.0 == "i", "{:?}", stage(&node).await?);
            Ok(cluster.first().query(waits).await? != "0")
        })
        .await?;
        Ok(Self { cluster, node, lock })
    }

    /// Waits until the join is past its copy, with another source.
    async fn another_source_is_taken(&self) -> Result<()> {
        until("another source has done", PATIENCE, async || {
            let said = stage(&self.node).await?;
            ensure!(["c", "o", "r"].contains(&said.0.as_str()), "{said:?}");
            Ok(true)
        })
        .await?;
        ensure!(self.node.logged().contains("another one is the source"));
        Ok(())
    }

    /// The node becomes a member that has everything.
    async fn ends_ready(mut self) -> Result<()> {
        self.node.wait_until_ready().await?;
        for node in &self.cluster.nodes {
            let name = format!("before-{}", node.address);
            self.node.json(&["keys", "get", "--name", &name]).await?;
        }
        self.cluster.nodes.push(self.node);
        self.cluster.wait_until_linked().await?;
        self.cluster.wait_until_equal().await
    }
}

/// A node that joins through the first member, and stands still when every member keeps its changes for it.
async fn stands_still(cluster: &mut Cluster) -> Result<Node> {
    let mut node = cluster.lab.node()?;
    node.start_new("join::initial_sync::halt=return").await?;
    fulljoin(cluster.first(), &node, false).await?;
    until("slots are made", PATIENCE, async || {
        Ok(node.logged().contains("halted by a fail point"))
    })
    .await?;
    Ok(node)
}

/// Code and text of a node's status.
async fn stage(node: &Node) -> Result<(String, String)> {
    let status = node.json(&["cluster", "info"]).await?["status"].clone();
    let code = status["code"].as_str().unwrap_or_default().to_owned();
    Ok((code, status.to_string()))
}

#[tokio::test]
async fn another_member_takes_the_place_of_a_source_that_dies_during_the_copy() -> Result<()> {
    let mut copying = Copying::begin().await?;
    copying.cluster.nodes[0].kill_everything().await?;
    copying.another_source_is_taken().await?;
    copying.cluster.nodes[0].start().await?;
    copying.ends_ready().await
}

#[tokio::test]
async fn another_member_takes_the_place_of_a_source_that_stands_still() -> Result<()> {
    let copying = Copying::begin().await?;
    copying.cluster.first().halt_agent()?;
    copying.cluster.first().halt_postgres()?;
    copying.another_source_is_taken().await?;
    copying.cluster.first().let_postgres_go_on()?;
    copying.cluster.first().let_agent_go_on()?;
    drop(copying.lock.batch_execute("rollback").await);
    copying.ends_ready().await
}

#[tokio::test]
async fn a_join_goes_on_after_postgresql_died_on_every_side() -> Result<()> {
    let copying = Copying::begin().await?;
    copying.node.kill_postgres()?;
    copying.cluster.nodes[2].kill_postgres()?;
    for node in [&copying.node, &copying.cluster.nodes[2]] {
        until("PostgreSQL runs again", PATIENCE, async || {
            Ok(node.db("postgres").await?.query_one("select 1", &[]).await.is_ok())
        })
        .await?;
    }
    // Its lock goes with it.
    copying.cluster.first().kill_postgres()?;
    copying.ends_ready().await
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_join_ends_clearly_when_a_member_that_it_needs_does_not_come_back() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let mut node = stands_still(&mut cluster).await?;
    cluster.nodes[0].kill_everything().await?;
    node.kill()?;
    node.start().await?;
    until("the join is over", GIVEN_UP, async || {
        let said = stage(&node).await?;
        ensure!(said.0 == "k", "{said:?}");
        ensure!(said.1.contains(&cluster.first().address.to_string()), "{said:?}");
        Ok(true)
    })
    .await?;
    // It has not heard yet that the join was given up, and is told as soon as it is back.
    cluster.nodes[0].start().await?;
    until("nothing of the node is left on the member", PATIENCE, async || {
        let left = cluster.first().links().await?;
        ensure!(left.is_empty(), "{left}");
        Ok(true)
    })
    .await?;
    node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
    cluster.join(node).await
}

#[test]
fn a_join_survives_a_network_that_flaps() -> Result<()> {
    on_hosts(async |hosts| {
        let mut cluster = Cluster::with_hosts(hosts.clone(), 2).await?;
        cluster
            .first()
            .json(&["cluster", "ack", "set", "--ack", "local"])
            .await?;
        let node = cluster.lab.single().await?;
        fulljoin(cluster.first(), &node, false).await?;
        for flap in 0..6 {
            let member = &cluster.nodes[flap % 2];
            if flap % 3 == 0 {
                hosts.reset(&node, member)?;
            } else {
                hosts.cut_both(&node, member)?;
            }
            // Not waiting for anything: this is how long the network is away, and then there.
            sleep(Duration::from_millis(400 * (1 + flap as u64 % 3))).await;
            hosts.heal()?;
            sleep(Duration::from_millis(700)).await;
        }
        node.wait_until_ready().await?;
        cluster.nodes.push(node);
        cluster.wait_until_linked().await?;
        cluster.wait_until_equal().await
    })
}
