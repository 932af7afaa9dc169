//! Links that have lost something, and nodes that were rolled back: noticed and mended by the nodes themselves.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::harness::cluster::fulljoin;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::load::Load;
use crate::load::joining::has_all;
use crate::refusals::{refused, ticket};

/// Within this time a lost link must be noticed.
const NOTICE: Duration = Duration::from_secs(30);

const LOST: &str = "the link from a peer has lost something";
const MENDED: &str = "the rows of a peer were read anew";

/// On node 1, takes the slot of node 2 from its reader and does this with it, before the reader is back.
async fn take_slot(cluster: &Cluster, and: &str) -> Result<()> {
    let statement = format!(
        "do $$ begin
             perform pg_terminate_backend(active_pid, 5000) from pg_replication_slots
             where slot_name = 'keystead_1_to_2' and active;
             {and};
         end $$"
    );
    let db = cluster.nodes[0].db(sql::database::CLUSTER).await?;
    until("the slot is taken", PATIENCE, async || {
        db.batch_execute(&statement).await?;
        Ok(true)
    })
    .await
}

async fn is_logged(node: &Node, text: &str, patience: Duration) -> Result<()> {
    let what = format!("the node at {} logs {text:?}", node.address);
    until(&what, patience, async || Ok(node.logged().contains(text))).await
}

/// Makes a key that no other node need have: often none is there to.
async fn make(node: &Node, name: &str) -> Result<()> {
    node.json(&["keys", "create", "--name", name, "--ack", "local"])
        .await
        .map(drop)
}

/// Every node has every one of these keys.
async fn all_have(cluster: &Cluster, names: &[&str]) -> Result<()> {
    for node in &cluster.nodes {
        for name in names {
            node.json(&["keys", "get", "--name", name])
                .await
                .with_context(|| format!("{name} on {}", node.address))?;
        }
    }
    Ok(())
}

/// It was raised, and is over.
async fn was_an_alarm(node: &Node, name: &str) -> Result<()> {
    until(&format!("{name} is over"), PATIENCE, async || {
        let list = node.json(&["alarms", "list", "--name", name]).await?;
        ensure!(list["total"] == 1 && list["resources"][0]["state"] == "off", "{list}");
        Ok(true)
    })
    .await
}

/// Which database the node has: a wipe would make another.
async fn database(node: &Node) -> Result<String> {
    node.query("select oid::text from pg_database where datname = current_database()")
        .await
}

#[tokio::test]
async fn a_slot_that_is_dropped_while_writes_go_on_is_made_anew_and_nothing_is_lost() -> Result<()> {
    a_slot_is_taken_under_load("perform pg_drop_replication_slot('keystead_1_to_2')").await
}

#[tokio::test]
async fn a_slot_that_somebody_made_again_is_noticed_and_nothing_is_lost() -> Result<()> {
    a_slot_is_taken_under_load(
        "perform pg_drop_replication_slot('keystead_1_to_2');
         perform pg_create_logical_replication_slot('keystead_1_to_2', 'pgoutput')",
    )
    .await
}

async fn a_slot_is_taken_under_load(and: &str) -> Result<()> {
    let cluster = Cluster::new(2).await?;
    let before = database(&cluster.nodes[1]).await?;
    cluster
        .first()
        .ksctl(&["cluster", "ack", "set", "--ack", "local"])
        .await?
        .text()?;
    let mut load = Load::start(&cluster.nodes).await?;
    load.go_on_steadily();
    load.wait_for(100).await?;
    take_slot(&cluster, and).await?;
    is_logged(&cluster.nodes[1], LOST, NOTICE).await?;
    load.wait_for(100).await?;
    is_logged(&cluster.nodes[1], MENDED, PATIENCE).await?;
    let acknowledged = load.stop().await?;

    is_whole_again(&cluster, &acknowledged).await?;
    was_an_alarm(&cluster.nodes[1], "Cluster Node Resynchronising").await?;
    assert_eq!(database(&cluster.nodes[1]).await?, before, "nothing was wiped");
    Ok(())
}

/// All nodes find each other good and have the same, with every key that was acknowledged.
async fn is_whole_again(cluster: &Cluster, acknowledged: &[String]) -> Result<()> {
    cluster.wait_until_equal().await?;
    cluster.wait_until_linked().await?;
    for node in &cluster.nodes {
        has_all(node, acknowledged).await?;
    }
    Ok(())
}

/// Waits for two heartbeats of node 1: one at least begins after this.
async fn two_beats(node: &Node) -> Result<()> {
    let beat = "select beat::text from live.heartbeat where number = 1";
    let before: i64 = node.query(beat).await?.parse()?;
    until("two heartbeats are sent", PATIENCE, async || {
        Ok(node.query(beat).await?.parse::<i64>()? >= before + 2)
    })
    .await
}

#[tokio::test]
async fn a_slot_that_was_moved_past_changes_is_noticed_and_mended() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    cluster.nodes[1].stop().await?;
    make(&cluster.nodes[0], "skipped").await?;
    // What is between two heartbeats is found only when it is moved over later than that.
    two_beats(&cluster.nodes[0]).await?;
    take_slot(
        &cluster,
        "perform pg_replication_slot_advance('keystead_1_to_2', pg_current_wal_lsn())",
    )
    .await?;
    cluster.nodes[1].start().await?;
    is_logged(&cluster.nodes[1], LOST, NOTICE).await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    all_have(&cluster, &["skipped"]).await
}

#[tokio::test]
async fn a_node_that_was_away_for_longer_than_its_slot_lasts_catches_up_without_a_wipe() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let before = database(&cluster.nodes[1]).await?;
    make(&cluster.nodes[1], "own").await?;
    cluster.nodes[1].stop().await?;
    cluster.nodes[0].stop().await?;
    cluster.nodes[0].configure("max_wal_kept_for_a_peer = \"32MB\"")?;
    cluster.nodes[0].start().await?;
    make(&cluster.nodes[0], "meanwhile").await?;
    let db = cluster.nodes[0].db(sql::database::CLUSTER).await?;
    until("the slot is lost", PATIENCE, async || {
        db.batch_execute(
            "select pg_logical_emit_message(false, 'load', repeat('x', 1000000)) from generate_series(1, 50);
             checkpoint",
        )
        .await?;
        let status = "select wal_status from pg_replication_slots where slot_name = 'keystead_1_to_2'";
        Ok(cluster.nodes[0].query(status).await? == "lost")
    })
    .await?;

    cluster.nodes[1].start().await?;
    is_logged(&cluster.nodes[1], LOST, NOTICE).await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    all_have(&cluster, &["own", "meanwhile"]).await?;
    assert_eq!(database(&cluster.nodes[1]).await?, before, "nothing was wiped");
    Ok(())
}

#[tokio::test]
async fn a_resync_that_was_cut_off_before_its_rows_is_done_again() -> Result<()> {
    a_resync_cut_off_at("resync::slot").await
}

#[tokio::test]
async fn a_resync_that_was_cut_off_after_its_rows_is_done_again() -> Result<()> {
    a_resync_cut_off_at("resync::rows").await
}

#[tokio::test]
async fn a_resync_that_was_cut_off_before_its_subscription_goes_on() -> Result<()> {
    a_resync_cut_off_at("resync::done").await
}

async fn a_resync_cut_off_at(point: &str) -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    cluster.nodes[1].stop().await?;
    make(&cluster.nodes[0], "skipped").await?;
    take_slot(&cluster, "perform pg_drop_replication_slot('keystead_1_to_2')").await?;
    cluster.nodes[1].spawn(&format!("{point}=return"))?;
    let ended = cluster.nodes[1].wait_until_it_ends().await?;
    ensure!(
        ended.signal() == Some(Signal::SIGKILL as i32),
        "not killed at {point}: {ended}"
    );
    make(&cluster.nodes[0], "meanwhile").await?;
    cluster.nodes[1].start().await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    all_have(&cluster, &["skipped", "meanwhile"]).await
}

/// Copies a stopped node's database folder aside.
fn copy(node: &Node) -> Result<PathBuf> {
    let (from, to) = (node.data().join("pg"), node.data().join("pg.copy"));
    let copied = Command::new("cp").arg("-a").args([&from, &to]).status()?;
    ensure!(copied.success(), "{copied}");
    Ok(to)
}

/// Puts the copy in the place of a stopped node's database folder.
fn put_back(node: &Node, copy: &PathBuf) -> Result<()> {
    let pg = node.data().join("pg");
    std::fs::remove_dir_all(&pg)?;
    Ok(std::fs::rename(copy, pg)?)
}

#[tokio::test]
async fn a_node_that_was_rolled_back_serves_nobody_until_it_has_caught_up() -> Result<()> {
    let mut cluster = Cluster::new(3).await?;
    make(&cluster.nodes[0], "destroyed").await?;
    cluster.wait_until_equal().await?;
    cluster.nodes[2].stop().await?;
    let old = copy(&cluster.nodes[2])?;

    cluster.nodes[2].start().await?;
    make(&cluster.nodes[2], "own").await?;
    make(&cluster.nodes[0], "others").await?;
    let delete = ["keys", "delete", "--type", "name", "--name", "destroyed", "-y"];
    cluster.nodes[1].ksctl(&delete).await?.text()?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    cluster.nodes[2].stop().await?;
    put_back(&cluster.nodes[2], &old)?;

    // Not for waiting: so that it can be seen in between.
    cluster.nodes[2].start_with("resync::rows=sleep(3000)").await?;
    let rolled_back = &cluster.nodes[2];
    let info = rolled_back.json(&["cluster", "info"]).await?;
    assert_eq!(info["status"]["code"], "f", "{info}");
    for refused in [
        ["keys", "create", "--name", "early"],
        ["keys", "get", "--name", "destroyed"],
    ] {
        let said = rolled_back.ksctl(&refused).await?;
        ensure!(said.code != Some(0) && said.stderr.contains("rolled back"), "{said:?}");
    }

    rolled_back.wait_until_ready().await?;
    make(rolled_back, "after").await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    was_an_alarm(&cluster.nodes[2], "Cluster Duplicate Identity").await?;
    all_have(&cluster, &["own", "others", "after"]).await?;
    for node in &cluster.nodes {
        assert_ne!(node.ksctl(&["keys", "get", "--name", "destroyed"]).await?.code, Some(0));
    }
    Ok(())
}

#[tokio::test]
async fn a_rolled_back_node_that_could_ask_nobody_loses_nothing_it_took_before_it_learned_of_it() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    cluster.nodes[1].stop().await?;
    let old = copy(&cluster.nodes[1])?;
    cluster.nodes[1].start().await?;
    make(&cluster.nodes[1], "forgotten").await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    cluster.nodes[0].stop().await?;
    cluster.nodes[1].stop().await?;
    put_back(&cluster.nodes[1], &old)?;

    // Below the position that node 1 has confirmed, and alone.
    cluster.nodes[1].start().await?;
    cluster.nodes[1].wait_until_ready().await?;
    make(&cluster.nodes[1], "alone").await?;
    cluster.nodes[0].start().await?;
    is_logged(&cluster.nodes[1], "this node was rolled back", NOTICE).await?;
    cluster.nodes[1].wait_until_ready().await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    all_have(&cluster, &["forgotten", "alone"]).await
}

#[tokio::test]
async fn while_a_restored_copy_of_a_node_catches_up_it_neither_signs_nor_joins() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let joining = cluster.lab.single().await?;
    make(&joining, "its-own").await?;
    let body = ticket(cluster.first(), &joining, &joining.address.to_string()).await?;
    cluster.nodes[1].stop().await?;
    let old = copy(&cluster.nodes[1])?;
    cluster.nodes[1].start().await?;
    make(&cluster.nodes[1], "since").await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    cluster.nodes[1].stop().await?;
    put_back(&cluster.nodes[1], &old)?;

    cluster.nodes[1].start_with("resync::rows=sleep(5000)").await?;
    let restored = &cluster.nodes[1];
    let rest = restored.rest().await?;
    let csr = joining.json(&["cluster", "csr"]).await?["csr"].clone();
    let asked = json!({"csr": csr, "newNodeHost": joining.address.to_string()});
    refused(&rest.post("nodes", &asked).await?, 503, "rolled back")?;
    refused(&rest.post("cluster/join", &body).await?, 503, "rolled back")?;
    let through_it = fulljoin(restored, &joining, false).await.unwrap_err();
    ensure!(format!("{through_it:#}").contains("is not ready"), "{through_it:#}");
    let it_itself = fulljoin(cluster.first(), restored, false).await.unwrap_err();
    ensure!(format!("{it_itself:#}").contains("rolled back"), "{it_itself:#}");
    let info = restored.json(&["cluster", "info"]).await?;
    assert_eq!(info["status"]["code"], "f", "it was over by then: {info}");
    joining.json(&["keys", "get", "--name", "its-own"]).await?;

    restored.wait_until_ready().await?;
    fulljoin(restored, &joining, true).await?;
    cluster.nodes.push(joining);
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    all_have(&cluster, &["since"]).await
}
