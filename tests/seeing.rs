//! What nodes say of each other is so: whoever is away is down within seconds, with the cause, for everybody it is away
//! from and for nobody else; and it is good again by itself. Clocks that are wrong have no say in it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::harness::hosts::{Hosts, on_hosts};
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// The promise is 10 seconds; half of that is for a machine that runs other tests meanwhile.
const NOTICE: Duration = Duration::from_secs(15);

#[test]
fn a_cut_link_is_down_on_both_sides_with_its_cause_and_good_again_by_itself() -> Result<()> {
    on_nodes(3, async |hosts, cluster| {
        let [a, b, c] = [&cluster.nodes[0], &cluster.nodes[1], &cluster.nodes[2]];
        hosts.cut(a, c)?;
        for (viewer, other) in [(a, c), (c, a)] {
            is_down(viewer, other, "unreachable", NOTICE).await?;
        }
        for (viewer, other) in [(a, b), (b, a), (b, c), (c, b)] {
            assert_eq!(seen(viewer, other).await?["summary"], "GOOD");
        }
        errors_name(a, c, "unreachable").await?;
        hosts.heal()?;
        cluster.wait_until_linked().await?;
        until("nothing is told any more", PATIENCE, async || {
            Ok(a.json(&["cluster", "errors"]).await? == serde_json::json!([]))
        })
        .await?;

        hosts.cut_both(a, c)?;
        for (viewer, other) in [(a, c), (c, a)] {
            is_down(viewer, other, "unreachable", NOTICE).await?;
        }
        hosts.heal()?;
        cluster.wait_until_linked().await
    })
}

#[test]
fn a_node_that_is_halted_or_killed_in_part_is_down_with_its_cause_and_good_again_by_itself() -> Result<()> {
    on_nodes(2, async |_, cluster| {
        halted(cluster).await?;
        let [one, other] = cluster.nodes.as_mut_slice() else {
            anyhow::bail!("there are not two nodes")
        };
        other.kill()?;
        is_down(one, other, "agentSilent", NOTICE).await?;
        // Replication goes on: PostgreSQL is not the agent's child in that.
        let made = one.json(&["keys", "create", "--name", "meanwhile"]).await?;
        until("the node without an agent has the key", PATIENCE, async || {
            Ok(other.query("select string_agg(name, ' ') from live.key").await? == made["name"])
        })
        .await?;
        other.start().await?;
        cluster.wait_until_linked().await?;

        let [one, other] = [&cluster.nodes[0], &cluster.nodes[1]];
        let before = other.postmaster()?;
        other.kill_postgres()?;
        until("another PostgreSQL runs", NOTICE, async || {
            Ok(other.postmaster()? != before && other.query("select 'x'").await? == "x")
        })
        .await?;
        one.json(&["keys", "create", "--name", "afterwards", "--ack", "local"])
            .await?;
        cluster.wait_until_linked().await?;
        cluster.wait_until_equal().await
    })
}

async fn halted(cluster: &Cluster) -> Result<()> {
    let [one, other] = [&cluster.nodes[0], &cluster.nodes[1]];
    other.halt_agent()?;
    is_down(one, other, "agentSilent", NOTICE).await?;
    other.let_agent_go_on()?;
    cluster.wait_until_linked().await?;

    other.halt_postgres()?;
    is_down(one, other, "unreachable", NOTICE).await?;
    other.let_postgres_go_on()?;
    cluster.wait_until_linked().await
}

#[test]
fn a_clock_that_is_wrong_is_an_alarm_of_both_sides_and_makes_no_link_bad() -> Result<()> {
    on_nodes(2, async |_, cluster| {
        for ahead in [700, -7200] {
            cluster.nodes[1].set_clock(ahead)?;
            for (viewer, other, millis) in [(0, 1, ahead * 1000), (1, 0, -ahead * 1000)] {
                let (viewer, other) = (&cluster.nodes[viewer], &cluster.nodes[other]);
                clock_is_seen(viewer, other, millis).await?;
                alarm(viewer, other, "on").await?;
            }
        }
        // Set right again, and seen on both sides: no look since the clock was wrong found anything bad, or there would be
        // an alarm of a node that is down.
        cluster.nodes[1].set_clock(0)?;
        for (viewer, other) in [(0, 1), (1, 0)] {
            let (viewer, other) = (&cluster.nodes[viewer], &cluster.nodes[other]);
            alarm(viewer, other, "off").await?;
            let down = viewer.json(&["alarms", "list", "--name", "Cluster Node Down"]).await?;
            assert_eq!(down["total"], 0, "{down}");
        }
        cluster.wait_until_linked().await
    })
}

/// Waits until `viewer` says that the clock of `other` is so far ahead, give or take what asking takes, and that it is well.
async fn clock_is_seen(viewer: &Node, other: &Node, millis: i64) -> Result<()> {
    until(&format!("{} sees {millis} ms", viewer.address), PATIENCE, async || {
        let seen = seen(viewer, other).await?;
        ensure!(seen["summary"] == "GOOD", "{seen}");
        let ahead = seen["nodeInfo"]["clockAheadMillis"].as_i64().context("not measured")?;
        ensure!((ahead - millis).abs() < 400, "it is {ahead}");
        Ok(true)
    })
    .await
}

async fn alarm(viewer: &Node, other: &Node, state: &str) -> Result<()> {
    let (me, subject) = (id(viewer).await?, id(other).await?);
    until(
        &format!("the alarm of {} is {state}", viewer.address),
        PATIENCE,
        async || {
            let list = viewer
                .json(&["alarms", "list", "--name", "Cluster Clock Skew", "--source", &me])
                .await?;
            let found = list["resources"].as_array().context("a list")?;
            let of_other = found.iter().find(|alarm| alarm["subject"] == subject);
            Ok(of_other.context("no alarm")?["state"] == state)
        },
    )
    .await
}

/// Makes a cluster on hosts whose writes wait for nobody.
pub(crate) fn on_nodes(size: usize, test: impl AsyncFnOnce(&Hosts, &mut Cluster) -> Result<()>) -> Result<()> {
    on_hosts(async |hosts| {
        let mut cluster = Cluster::with_hosts(hosts.clone(), size).await?;
        let set = ["cluster", "ack", "set", "--ack", "local"];
        cluster.first().json(&set).await?;
        cluster.wait_until_all_have_all().await?;
        test(&hosts, &mut cluster).await
    })
}

pub(crate) async fn id(node: &Node) -> Result<String> {
    let info = node.json(&["cluster", "info"]).await?;
    Ok(info["nodeID"].as_str().context("a node id")?.to_owned())
}

/// How `viewer` sees `other` now.
async fn seen(viewer: &Node, other: &Node) -> Result<Value> {
    let summary = viewer.json(&["cluster", "summary"]).await?;
    // One that is away cannot be asked for its id; the viewer knows its address.
    let views = &summary["resources"][id(viewer).await?]["clusterSummary"];
    let host = other.address.to_string();
    let nodes = views.as_object().context("a view")?;
    let found = nodes.values().find(|node| node["nodeInfo"]["host"] == host.as_str());
    Ok(found.context("the node is not seen at all")?.clone())
}

/// Waits until `viewer` says that `other` is down, and why.
async fn is_down(viewer: &Node, other: &Node, cause: &str, patience: Duration) -> Result<()> {
    let what = format!("{} says that {} is down", viewer.address, other.address);
    until(&what, patience, async || {
        let seen = seen(viewer, other).await?;
        ensure!(seen["summary"] == "BAD:node is inactive", "{seen}");
        ensure!(seen["nodeInfo"]["status"]["code"] == "d", "{seen}");
        Ok(true)
    })
    .await?;
    until(&format!("{what} for {cause}"), PATIENCE, async || {
        let error = seen(viewer, other).await?["clusterErrors"][0].clone();
        ensure!(error["cause"] == cause, "{error}");
        ensure!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{error}");
        Ok(true)
    })
    .await
}

/// `cluster errors` says who does not reach whom, since when, why, and what to do.
async fn errors_name(viewer: &Node, other: &Node, cause: &str) -> Result<()> {
    let errors = viewer.json(&["cluster", "errors"]).await?;
    let (me, host) = (id(viewer).await?, other.address.to_string());
    let all = errors.as_array().context("a list")?;
    let mine = all
        .iter()
        .find(|entry| entry["viewerID"] == me && entry["host"] == host.as_str())
        .with_context(|| format!("nothing of {host} in {errors}"))?;
    let error = &mine["clusterErrors"][0];
    ensure!(error["cause"] == cause && error["errorTime"].is_string(), "{error}");
    for text in ["errorMessage", "hint", "detail"] {
        ensure!(error[text].as_str().is_some_and(|text| !text.is_empty()), "{error}");
    }
    Ok(())
}
