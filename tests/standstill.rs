//! Links of which one end stands still, or whose connection breaks again and again: they come back by themselves, lose
//! nothing, and do not storm the other side.

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::Instant;

use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::seeing::on_nodes;

const SENDER: &str = "select active_pid::text from pg_replication_slots where slot_name = 'keystead_1_to_2'";
const APPLIER: &str = "select pid::text from pg_stat_subscription where subname = 'keystead_1_to_2' and relid is null";

#[tokio::test]
async fn a_sender_that_is_halted_is_noticed_and_the_link_goes_on_after_it() -> Result<()> {
    let cluster = Cluster::new(2).await?;
    halted(&cluster, &cluster.nodes[0], SENDER).await
}

#[tokio::test]
async fn an_apply_worker_that_is_halted_is_noticed_and_the_link_goes_on_after_it() -> Result<()> {
    let cluster = Cluster::new(2).await?;
    halted(&cluster, &cluster.nodes[1], APPLIER).await
}

/// Halts one process of the link from node 1 to node 2.
async fn halted(cluster: &Cluster, node: &Node, process: &str) -> Result<()> {
    let [one, two] = [&cluster.nodes[0], &cluster.nodes[1]];
    let pid = Pid::from_raw(node.query(process).await?.parse().context("the process does not run")?);
    kill(pid, Signal::SIGSTOP)?;
    one.json(&["keys", "create", "--name", "meanwhile", "--ack", "local"])
        .await?;
    until("node 2 says that node 1 is down", PATIENCE, async || {
        let nodes = two.json(&["cluster", "nodes", "list"]).await?;
        let all = nodes["resources"].as_array().context("a list")?;
        Ok(all
            .iter()
            .any(|node| node["isThisNode"] == false && node["status"]["code"] == "d"))
    })
    .await?;
    let after = one
        .json(&["keys", "create", "--name", "afterwards", "--ack", "local"])
        .await?;
    kill(pid, Signal::SIGCONT)?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    for name in ["meanwhile", "afterwards"] {
        two.json(&["keys", "get", "--name", name])
            .await
            .with_context(|| format!("{after}"))?;
    }
    Ok(())
}

/// How often an apply worker may be started in a second: every half one, by `wal_retrieve_retry_interval`.
const STARTS_A_SECOND: u64 = 2;

#[test]
fn a_link_that_flaps_is_not_tried_in_a_storm() -> Result<()> {
    on_nodes(2, async |hosts, cluster| {
        let [one, two] = [&cluster.nodes[0], &cluster.nodes[1]];
        let (began, before) = (Instant::now(), starts(two)?);
        for flap in 0..6 {
            hosts.reset(one, two)?;
            connected(one, false).await?;
            one.json(&["keys", "create", "--name", &format!("flap-{flap}")]).await?;
            hosts.heal_between(one, two)?;
            connected(one, true).await?;
        }
        let (seconds, after) = (began.elapsed().as_secs() + 1, starts(two)?);
        ensure!(
            after - before <= seconds * STARTS_A_SECOND,
            "a storm: {} workers were started in {seconds} s",
            after - before
        );
        cluster.wait_until_linked().await?;
        cluster.wait_until_equal().await?;
        let keys = "select count(*)::text from live.key where name like 'flap-%'";
        assert_eq!(two.query(keys).await?, "6");
        Ok(())
    })
}

async fn connected(node: &Node, wanted: bool) -> Result<()> {
    until(&format!("its reader is there: {wanted}"), PATIENCE, async || {
        let active = "select active::text from pg_replication_slots where slot_name = 'keystead_1_to_2'";
        Ok((node.query(active).await? == "true") == wanted)
    })
    .await
}

/// How often this node has started an apply worker, by PostgreSQL's own log.
fn starts(node: &Node) -> Result<u64> {
    let mut count = 0;
    for entry in std::fs::read_dir(node.data().join("pg-log"))? {
        let log = std::fs::read(entry?.path())?;
        count += String::from_utf8_lossy(&log)
            .matches("apply worker for subscription")
            .count();
    }
    Ok(u64::try_from(count)?)
}
