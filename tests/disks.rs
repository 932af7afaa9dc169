//! Disks that fill: a member that is away never stops one that works, and a node whose disk is full says so, goes on
//! answering, and recovers by itself.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::cluster::Lab;
use crate::harness::node::PATIENCE;
use crate::harness::volumes::{Volume, on_volumes};
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::load::Load;
use crate::load::joining::has_all;

/// Room for a node, and for little more.
const MEGABYTES: u64 = 400;

const SLOT: &str =
    "select coalesce((select wal_status from pg_replication_slots where slot_name = 'keystead_1_to_2'), 'none')";

/// Two members whose writes wait for nobody, the first one on a small disk of its own.
async fn with_a_small_disk() -> Result<(Cluster, Volume)> {
    let mut lab = Lab::new()?;
    let mut first = lab.node()?;
    let volume = Volume::mount(&first.data(), MEGABYTES)?;
    first.start_new("").await?;
    first
        .json(&["cluster", "new", "--host", &first.address.to_string()])
        .await?;
    let mut cluster = Cluster {
        nodes: vec![first],
        lab,
    };
    let second = cluster.lab.single().await?;
    cluster.join(second).await?;
    let set = ["cluster", "ack", "set", "--ack", "local"];
    cluster.first().json(&set).await?;
    cluster.wait_until_all_have_all().await?;
    Ok((cluster, volume))
}

/// Writes so many megabytes of changes that are nobody's.
async fn write(node: &Node, megabytes: u32) -> Result<()> {
    let statement = format!(
        "select pg_logical_emit_message(false, 'load', repeat('x', 1000000)) from generate_series(1, {megabytes})"
    );
    Ok(node.db(sql::database::CLUSTER).await?.batch_execute(&statement).await?)
}

/// Nothing ended PostgreSQL, and nothing nearly did.
fn never_stopped(node: &Node, before: nix::unistd::Pid) -> Result<()> {
    ensure!(node.postmaster()? == before, "PostgreSQL is another one");
    for entry in fs::read_dir(node.data().join("pg-log"))? {
        let log = String::from_utf8_lossy(&fs::read(entry?.path())?).into_owned();
        ensure!(!log.contains("PANIC"), "{log}");
        ensure!(!log.contains("was terminated by signal"), "{log}");
    }
    Ok(())
}

#[test]
fn a_member_that_is_dead_loses_its_slot_before_the_disk_is_full_and_the_writer_never_stops() -> Result<()> {
    on_volumes(async || {
        let (mut cluster, volume) = with_a_small_disk().await?;
        let postgres = cluster.first().postmaster()?;
        cluster.nodes[1].kill_everything().await?;
        let load = Load::start(&cluster.nodes[..1]).await?;
        load.go_on_steadily();
        // Far more than the disk holds.
        let mut fullest = 0;
        for _ in 0..60 {
            write(cluster.first(), 20).await?;
            fullest = fullest.max(volume.percent()?);
        }
        ensure!(fullest < 100, "the disk was full");
        let slot = cluster.first().query(SLOT).await?;
        ensure!(slot == "lost" || slot == "none", "the slot is {slot}");
        let acknowledged = load.stop().await?;
        never_stopped(cluster.first(), postgres)?;
        alarm_is(cluster.first(), "Cluster Slot Lost", "on").await?;

        cluster.nodes[1].start().await?;
        cluster.wait_until_linked().await?;
        cluster.wait_until_equal().await?;
        has_all(&cluster.nodes[1], &acknowledged).await?;
        alarm_is(cluster.first(), "Cluster Slot Lost", "off").await.map(drop)
    })
}

#[test]
fn a_disk_that_somebody_else_fills_costs_the_worst_slot_and_is_an_alarm() -> Result<()> {
    on_volumes(async || {
        let (mut cluster, volume) = with_a_small_disk().await?;
        let postgres = cluster.first().postmaster()?;
        cluster.nodes[1].kill_everything().await?;
        write(cluster.first(), 60).await?;
        assert_ne!(cluster.first().query(SLOT).await?, "none");
        volume.fill(88)?;
        until("the slot is given up", PATIENCE, async || {
            ensure!(cluster.first().query(SLOT).await? == "none");
            let links = cluster.first().json(&["cluster", "links"]).await?;
            let parts = links["resources"][0]["parts"].as_array().context("parts")?;
            let slot = parts.iter().find(|part| part["part"] == "slot").context("a slot")?;
            ensure!(slot["last"]["did"] == "gave it up" && slot["exists"] == false, "{slot}");
            Ok(true)
        })
        .await?;
        let raised = alarm_is(cluster.first(), "Disk Full", "on").await?;
        // Giving the slot up may have made room before the alarm looked.
        let percent: u64 = (raised["description"].as_str())
            .and_then(|text| text.split_once(" %")?.0.parse().ok())
            .context("percent")?;
        let expected = if percent >= 85 { "critical" } else { "warning" };
        assert_eq!(raised["severity"], expected, "{raised}");
        cluster.first().json(&["keys", "create", "--name", "meanwhile"]).await?;
        never_stopped(cluster.first(), postgres)?;

        volume.free()?;
        alarm_is(cluster.first(), "Disk Full", "off").await?;
        cluster.nodes[1].start().await?;
        cluster.wait_until_linked().await?;
        cluster.wait_until_equal().await?;
        cluster.nodes[1]
            .json(&["keys", "get", "--name", "meanwhile"])
            .await
            .map(drop)
    })
}

#[test]
fn a_node_whose_disk_is_full_refuses_writes_goes_on_reading_and_recovers() -> Result<()> {
    on_volumes(async || {
        let (cluster, volume) = with_a_small_disk().await?;
        let [full, other] = [&cluster.nodes[0], &cluster.nodes[1]];
        let postgres = full.postmaster()?;
        full.json(&["keys", "create", "--name", "before"]).await?;
        let rest = full.rest().await?;
        volume.fill(100)?;
        until("writes are refused", PATIENCE, async || {
            let refused = rest.post("vault/keys2", &json!({"name": "too-much"})).await?;
            ensure!(refused.status == StatusCode::INSUFFICIENT_STORAGE, "{refused:?}");
            ensure!(
                refused.body["codeDesc"]
                    .as_str()
                    .is_some_and(|text| text.contains("disk is full")),
                "{refused:?}"
            );
            Ok(true)
        })
        .await?;
        until("changes of others are not taken", PATIENCE, async || {
            Ok(full
                .query("select bool_or(subenabled)::text from pg_subscription")
                .await?
                == "false")
        })
        .await?;
        // The other member takes them, and keeps them for this one.
        other.json(&["keys", "create", "--name", "kept-for-it"]).await?;
        full.json(&["keys", "get", "--name", "before"]).await?;
        let links = full.json(&["cluster", "links"]).await?;
        ensure!(links.to_string().contains("this node's disk is full"), "{links}");
        never_stopped(full, postgres)?;

        volume.free()?;
        // At once: the node looks again before it refuses.
        rest.post("vault/keys2", &json!({"name": "after"})).await?.good()?;
        cluster.wait_until_linked().await?;
        cluster.wait_until_equal().await?;
        full.json(&["keys", "get", "--name", "kept-for-it"]).await?;
        never_stopped(full, postgres)
    })
}

async fn alarm_is(node: &Node, name: &str, state: &str) -> Result<Value> {
    let mut found = Value::Null;
    until(&format!("{name} is {state}"), PATIENCE, async || {
        let list = node.json(&["alarms", "list", "--name", name]).await?;
        found = list["resources"][0].clone();
        ensure!(found["state"] == state, "{list}");
        Ok(true)
    })
    .await?;
    Ok(found)
}
