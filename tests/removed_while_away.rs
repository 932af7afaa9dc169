//! Partitions and removals: a minority changes no members, and who was removed while it was away learns it.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::harness::cluster::fulljoin;
use crate::harness::hosts::on_hosts;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::removal::{delete, nothing_is_left};

async fn make(node: &Node, name: &str) -> Result<String> {
    let made = node.json(&["keys", "create", "--name", name, "--ack", "local"]).await?;
    Ok(made["id"].as_str().context("an id")?.to_owned())
}

fn ids(orphans: &Value) -> BTreeSet<String> {
    let all = orphans["resources"].as_array().into_iter().flatten();
    all.filter_map(|orphan| orphan["key"]["id"].as_str().map(str::to_owned))
        .collect()
}

/// The report names exactly what the node alone has, members take nothing of it, and the machine joins again.
#[test]
fn a_node_that_was_cut_off_when_it_was_removed_learns_it_and_tells_what_only_it_has() -> Result<()> {
    on_hosts(async |hosts| {
        let mut cluster = Cluster::with_hosts(hosts.clone(), 3).await?;
        // It has been removed before, in good order: what it knew then is of no use now.
        let node = cluster.nodes.pop().context("the third node")?;
        delete(cluster.first(), &node.id().await?).await?.text()?;
        node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
        cluster.join(node).await?;
        let node = cluster.nodes.pop().context("the third node")?;
        let id = node.id().await?;
        let kept = make(&node, "on-all").await?;
        let renamed = make(&node, "renamed-alone").await?;
        let deleted = make(&node, "deleted-alone").await?;
        node.ksctl(&["cluster", "wait"]).await?.text()?;

        hosts.isolate(&node)?;
        let mut history = writes_alone(&node, [renamed, deleted]).await?;

        delete(cluster.first(), &id).await?.text()?;
        make(&node, "after-its-removal")
            .await
            .map(|made| history.insert(made))?;
        for member in &cluster.nodes {
            nothing_is_left(member, &id).await?;
        }
        hosts.heal()?;
        node.wait_until_removed().await?;
        let refused = node
            .ksctl(&["keys", "create", "--name", "late", "--ack", "local"])
            .await?;
        ensure!(refused.stderr.contains("was removed from its cluster"), "{refused:?}");

        let mut orphans = Value::Null;
        until("the report is written", PATIENCE, async || {
            orphans = node.json(&["cluster", "orphans"]).await?;
            Ok(orphans["total"] != 0)
        })
        .await?;
        assert_eq!(ids(&orphans), history, "{orphans}");
        assert!(!ids(&orphans).contains(&kept));
        nothing_secret_is_in(&node, &id)?;
        for member in &cluster.nodes {
            let names = member
                .query("select string_agg(name, ' ' order by name) from live.key")
                .await?;
            assert_eq!(names, "deleted-alone on-all renamed-alone", "on {}", member.address);
        }
        node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
        cluster.join(node).await?;
        let again = &cluster.nodes[2];
        assert_ne!(again.id().await?, id);
        assert_eq!(
            again.json(&["cluster", "orphans"]).await?,
            orphans,
            "the report outlives a join"
        );
        cluster.wait_until_equal().await
    })
}

/// Makes three keys, renames one that was there and deletes another. What is written on this node alone then.
async fn writes_alone(node: &Node, [renamed, deleted]: [String; 2]) -> Result<BTreeSet<String>> {
    let mut history = BTreeSet::new();
    for name in ["alone-1", "alone-2", "alone-3"] {
        history.insert(make(node, name).await?);
    }
    let change = serde_json::json!({"name": "renamed"});
    let path = format!("vault/keys2/{renamed}");
    node.rest().await?.patch(&path, &change).await?.good()?;
    let gone = [
        "keys", "delete", "--type", "id", "--name", &deleted, "--ack", "local", "-y",
    ];
    node.ksctl(&gone).await?.text()?;
    history.extend([renamed, deleted]);
    Ok(history)
}

/// The file has a line a row, and nobody else may read it.
fn nothing_secret_is_in(node: &Node, id: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = node.data().join(format!("orphans/{id}.jsonl"));
    let text = std::fs::read_to_string(&path)?;
    for line in text.lines() {
        let content = serde_json::from_str::<Value>(line)?["content"].clone();
        ensure!(content["name"].is_string(), "{line}");
        for secret in ["wrapped", "material", "password_hash"] {
            ensure!(content[secret].is_null(), "{secret} is in {line}");
        }
    }
    assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
    Ok(())
}

#[test]
fn a_node_that_was_halted_when_it_was_removed_learns_it_when_it_goes_on() -> Result<()> {
    on_hosts(async |hosts| {
        let mut cluster = Cluster::with_hosts(hosts, 3).await?;
        let node = cluster.nodes.pop().context("the third node")?;
        let id = node.id().await?;
        node.halt_agent()?;
        node.halt_postgres()?;
        delete(cluster.first(), &id).await?.text()?;
        for member in &cluster.nodes {
            nothing_is_left(member, &id).await?;
        }
        node.let_postgres_go_on()?;
        node.let_agent_go_on()?;
        node.wait_until_removed().await?;
        // At once, for it need not be cleared: it makes a cluster of its own.
        node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
        node.json(&["cluster", "new", "--host", &node.address.to_string()])
            .await?;
        ensure!(node.id().await? != id, "a removed id came back");
        cluster.wait_until_linked().await
    })
}

/// What one member has of a removed node, all have in the end, though the removed one can send it no more.
#[test]
fn what_a_removed_node_had_sent_to_one_member_reaches_the_others() -> Result<()> {
    on_hosts(async |hosts| {
        let mut cluster = Cluster::with_hosts(hosts.clone(), 3).await?;
        let node = cluster.nodes.pop().context("the third node")?;
        let id = node.id().await?;
        hosts.cut_both(&node, &cluster.nodes[1])?;
        let key = node
            .json(&["keys", "create", "--name", "on-one-member", "--ack", "any-1"])
            .await?;
        hosts.isolate(&node)?;
        let asked = &cluster.nodes[1];
        delete(asked, &id).await?.text()?;
        let key = key["id"].as_str().context("an id")?;
        until("the other member has it too", PATIENCE, async || {
            Ok(asked.json(&["keys", "get", "--type", "id", "--name", key]).await?["name"] == "on-one-member")
        })
        .await?;
        for member in &cluster.nodes {
            nothing_is_left(member, &id).await?;
        }
        cluster.wait_until_equal().await
    })
}

#[test]
fn a_minority_neither_removes_nor_adds_and_half_of_the_members_is_a_minority() -> Result<()> {
    on_hosts(async |hosts| {
        let mut cluster = Cluster::with_hosts(hosts.clone(), 4).await?;
        let newcomer = cluster.lab.single().await?;
        for from in &cluster.nodes[..2] {
            for to in &cluster.nodes[2..] {
                hosts.cut_both(from, to)?;
            }
        }
        // Two on each side. With the node that is to be removed left out, each would be two of three.
        for (asked, removed) in [(0, 2), (0, 1), (2, 0), (3, 2)] {
            let id = cluster.nodes[removed]
                .query("select id from public.node where number = replication.this_node()")
                .await?;
            let refused = delete(&cluster.nodes[asked], &id).await?;
            ensure!(
                refused.stderr.contains("consensus is down"),
                "{asked} removed {removed}: {refused:?}"
            );
        }
        until("both sides hear of no majority", PATIENCE, async || {
            for node in &cluster.nodes {
                let info = node.json(&["cluster", "info"]).await?;
                ensure!(info["raftStatus"] == "down", "{info}");
            }
            Ok(true)
        })
        .await?;
        for side in [0, 2] {
            let said = tokio::time::timeout(PATIENCE / 6, fulljoin(&cluster.nodes[side], &newcomer, false)).await;
            ensure!(!matches!(said, Ok(Ok(_))), "{side} signed a node: {said:?}");
        }
        assert_eq!(newcomer.json(&["cluster", "info"]).await?["status"]["code"], "none");

        hosts.heal()?;
        cluster.wait_until_linked().await?;
        let id = cluster.nodes[3].id().await?;
        delete(cluster.first(), &id).await?.text()?;
        Ok(())
    })
}
