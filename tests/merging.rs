//! Changes that arrive in any order, by any clock, from both sides of a partition: all nodes come to hold the same, and
//! nothing comes back or is lost.

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::hosts::{Hosts, on_hosts};
use crate::harness::node::PATIENCE;
use crate::harness::rest::Rest;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

#[test]
fn a_delete_that_overtakes_its_insert_is_for_good() -> Result<()> {
    on_three_nodes(async |hosts, cluster| {
        let [a, b, c] = three(cluster)?;
        hosts.cut(a, c)?;
        let id = create(a, "short-lived").await?;
        has_name(b, &id, "short-lived").await?;
        delete(b, &id).await?;
        let buried = format!("select deleted::text from public.key where id = '{id}'");
        until("c has the delete and not the insert", PATIENCE, async || {
            Ok(c.query(&buried).await? == "true")
        })
        .await?;

        hosts.heal()?;
        cluster.wait_until_all_have_all().await?;
        for node in &cluster.nodes {
            assert_eq!(
                status_of(node, &id).await?,
                StatusCode::NOT_FOUND,
                "on {}",
                node.address
            );
        }
        cluster.wait_until_equal().await
    })
}

#[test]
fn an_update_that_overtakes_its_insert_stays() -> Result<()> {
    on_three_nodes(async |hosts, cluster| {
        let [a, b, c] = three(cluster)?;
        hosts.cut(a, c)?;
        let id = create(a, "first-name").await?;
        has_name(b, &id, "first-name").await?;
        rename(b, &id, "second-name").await?;
        has_name(c, &id, "second-name").await?;

        hosts.heal()?;
        cluster.wait_until_all_have_all().await?;
        all_have_name(cluster, &id, "second-name").await
    })
}

#[test]
fn a_change_wins_over_what_its_writer_had_read_whatever_the_clocks_say() -> Result<()> {
    on_three_nodes(async |_, cluster| {
        let [ahead, right, _] = three(cluster)?;
        ahead.set_clock(600)?;
        let id = create(ahead, "made-ahead").await?;
        has_name(right, &id, "made-ahead").await?;

        let mut before = 0;
        for (turn, (writer, reader)) in [(right, ahead), (ahead, right)].iter().cycle().take(4).enumerate() {
            let name = format!("name-{turn}");
            let version = rename(writer, &id, &name).await?;
            assert!(version > before, "turn {turn}: {version} after {before}");
            before = version;
            has_name(reader, &id, &name).await?;
            cluster.wait_until_all_have_all().await?;
            all_have_name(cluster, &id, &name).await?;
        }

        // What was made by the clock that is behind is deleted by it too.
        delete(right, &id).await?;
        cluster.wait_until_all_have_all().await?;
        for node in &cluster.nodes {
            assert_eq!(
                status_of(node, &id).await?,
                StatusCode::NOT_FOUND,
                "on {}",
                node.address
            );
        }
        cluster.wait_until_equal().await
    })
}

#[test]
fn a_change_wins_on_a_node_whose_clock_steps_back() -> Result<()> {
    on_three_nodes(async |_, cluster| {
        let [node, other, _] = three(cluster)?;
        let id = create(node, "before").await?;
        let before = rename(node, &id, "still-before").await?;
        node.set_clock(-7200)?;
        let after = rename(node, &id, "after").await?;
        assert!(after > before, "{after} after {before}");
        has_name(other, &id, "after").await?;
        let last = rename(other, &id, "last").await?;
        assert!(last > after, "{last} after {after}");
        cluster.wait_until_all_have_all().await?;
        all_have_name(cluster, &id, "last").await
    })
}

#[test]
fn a_link_that_broke_comes_back_although_the_clock_was_set_back() -> Result<()> {
    on_three_nodes(async |_, cluster| {
        let [node, other, _] = three(cluster)?;
        if node
            .query("select (current_setting('server_version_num')::integer >= 160000)::text")
            .await?
            == "true"
        {
            // Newer versions remember in shared memory when they started a worker: docs/operations.md.
            return Ok(());
        }
        node.set_clock(-1800)?;
        let launcher = "select pid::text from pg_stat_activity where backend_type = 'logical replication launcher'";
        let before = node.query(launcher).await?;
        until("the launcher is another one", PATIENCE, async || {
            Ok(node.query(launcher).await? != before)
        })
        .await?;
        let rest = other.rest().await?;
        other.kill_postgres()?;
        let id = create_when_it_answers(&rest, "after-the-fall").await?;
        has_name(node, &id, "after-the-fall").await
    })
}

#[test]
fn a_name_taken_on_both_sides_of_a_partition_costs_no_key() -> Result<()> {
    on_three_nodes(async |hosts, cluster| {
        let [a, b, c] = three(cluster)?;
        hosts.isolate(c)?;
        let ids = [create(a, "twin").await?, create(c, "twin").await?];
        let materials = [material(a, &ids[0]).await?, material(c, &ids[1]).await?];

        hosts.heal()?;
        cluster.wait_until_all_have_all().await?;
        for node in &cluster.nodes {
            for (id, its_own) in ids.iter().zip(&materials) {
                assert_eq!(material(node, id).await?, *its_own, "{id} on {}", node.address);
            }
            let refused = node.rest().await?.get("vault/keys2/twin?type=name").await?;
            assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
            let text = refused.refusal()?;
            assert!(ids.iter().all(|id| text.contains(id)), "{text}");
        }

        rename(b, &ids[0], "sibling").await?;
        cluster.wait_until_all_have_all().await?;
        for node in &cluster.nodes {
            for (id, name) in ids.iter().zip(["sibling", "twin"]) {
                let by_name = format!("vault/keys2/{name}?type=name");
                let found = node.rest().await?.get(&by_name).await?.good()?;
                assert_eq!(found["id"], id.as_str(), "{name} on {}", node.address);
            }
        }
        cluster.wait_until_equal().await
    })
}

#[test]
fn what_is_written_while_packets_are_lost_one_way_is_on_all_nodes_in_the_end() -> Result<()> {
    on_three_nodes(async |hosts, cluster| {
        let [a, _, c] = three(cluster)?;
        hosts.cut(a, c)?;
        for (one, other) in [(a, c), (c, a)] {
            is_seen(one, other, "BAD:node is inactive").await?;
        }
        let mut ids = Vec::new();
        for node in &cluster.nodes {
            ids.push(create(node, &format!("on-{}", node.address)).await?);
        }

        hosts.heal()?;
        cluster.wait_until_all_have_all().await?;
        for (id, node) in ids.iter().zip(&cluster.nodes) {
            all_have_name(cluster, id, &format!("on-{}", node.address)).await?;
        }
        cluster.wait_until_linked().await
    })
}

#[test]
fn what_is_written_while_a_postgresql_is_killed_is_on_all_nodes_in_the_end() -> Result<()> {
    on_three_nodes(async |hosts, cluster| {
        let [a, _, c] = three(cluster)?;
        let id = create(a, "kept").await?;
        // It has taken this and sent it to nobody when it is killed.
        hosts.isolate(a)?;
        rename(a, &id, "kept-and-renamed").await?;
        a.kill_postgres()?;
        let other = create(c, "meanwhile").await?;
        until("the killed PostgreSQL answers again", PATIENCE, async || {
            Ok(a.query("select 'x'").await? == "x")
        })
        .await?;

        hosts.heal()?;
        cluster.wait_until_all_have_all().await?;
        all_have_name(cluster, &id, "kept-and-renamed").await?;
        all_have_name(cluster, &other, "meanwhile").await?;
        cluster.wait_until_linked().await
    })
}

#[test]
fn connections_that_are_reset_again_and_again_lose_nothing() -> Result<()> {
    on_three_nodes(async |hosts, cluster| {
        let [a, b, _] = three(cluster)?;
        let id = create(a, "flapping").await?;
        for turn in 0..5 {
            hosts.reset(a, b)?;
            rename(a, &id, &format!("name-{turn}")).await?;
            hosts.heal_between(a, b)?;
            has_name(b, &id, &format!("name-{turn}")).await?;
        }
        cluster.wait_until_all_have_all().await?;
        all_have_name(cluster, &id, "name-4").await
    })
}

fn on_three_nodes(test: impl AsyncFnOnce(&Hosts, &Cluster) -> Result<()>) -> Result<()> {
    on_hosts(async |hosts| {
        let cluster = Cluster::with_hosts(hosts.clone(), 3).await?;
        // What is written where nobody else is reached must be acknowledged without them.
        let set = ["cluster", "ack", "set", "--ack", "local"];
        cluster.first().json(&set).await?;
        cluster.wait_until_all_have_all().await?;
        test(&hosts, &cluster).await
    })
}

fn three(cluster: &Cluster) -> Result<[&Node; 3]> {
    let [a, b, c] = &cluster.nodes[..] else {
        bail!("there are not three nodes")
    };
    Ok([a, b, c])
}

/// Makes a key and answers its id.
async fn create(node: &Node, name: &str) -> Result<String> {
    let made = node
        .rest()
        .await?
        .post("vault/keys2", &json!({"name": name}))
        .await?
        .good()?;
    Ok(made["id"].as_str().context("a key without an id")?.to_owned())
}

/// The same on a node whose PostgreSQL has just died.
async fn create_when_it_answers(rest: &Rest, name: &str) -> Result<String> {
    let mut id = String::new();
    until("the node takes writes again", PATIENCE, async || {
        let made = rest.post("vault/keys2", &json!({"name": name})).await?.good()?;
        made["id"].as_str().context("a key without an id")?.clone_into(&mut id);
        Ok(true)
    })
    .await?;
    Ok(id)
}

/// Renames a key and answers its new version.
async fn rename(node: &Node, id: &str, name: &str) -> Result<i64> {
    let path = format!("vault/keys2/{id}?type=id");
    let renamed = node.rest().await?.patch(&path, &json!({"name": name})).await?.good()?;
    renamed["rowVersion"].as_i64().context("a key without a version")
}

async fn delete(node: &Node, id: &str) -> Result<Value> {
    node.rest()
        .await?
        .delete(&format!("vault/keys2/{id}?type=id"))
        .await?
        .good()
}

async fn material(node: &Node, id: &str) -> Result<Value> {
    let path = format!("vault/keys2/{id}/export?type=id");
    let exported = node.rest().await?.post(&path, &Value::Null).await?.good()?;
    Ok(exported["material"].clone())
}

async fn status_of(node: &Node, id: &str) -> Result<StatusCode> {
    Ok(node
        .rest()
        .await?
        .get(&format!("vault/keys2/{id}?type=id"))
        .await?
        .status)
}

/// Waits until a node knows a key by this name.
async fn has_name(node: &Node, id: &str, name: &str) -> Result<()> {
    let rest = node.rest().await?;
    until(&format!("{} has {name}", node.address), PATIENCE, async || {
        let key = rest.get(&format!("vault/keys2/{id}?type=id")).await?.good()?;
        ensure!(key["name"] == name, "{key}");
        Ok(true)
    })
    .await
}

/// Every node knows the key by this name, now, and they differ in nothing else.
async fn all_have_name(cluster: &Cluster, id: &str, name: &str) -> Result<()> {
    for node in &cluster.nodes {
        let path = format!("vault/keys2/{id}?type=id");
        let key = node.rest().await?.get(&path).await?.good()?;
        assert_eq!(key["name"], name, "on {}", node.address);
    }
    cluster.wait_until_equal().await
}

/// Waits until `viewer` says this of `other`.
pub(crate) async fn is_seen(viewer: &Node, other: &Node, summary: &str) -> Result<()> {
    let id = async |node: &Node| anyhow::Ok(node.json(&["cluster", "info"]).await?["nodeID"].clone());
    let (viewers, others) = (id(viewer).await?, id(other).await?);
    until(
        &format!("{} is seen as {summary}", other.address),
        PATIENCE,
        async || {
            let all = viewer.json(&["cluster", "summary"]).await?;
            let views = &all["resources"][viewers.as_str().unwrap_or_default()]["clusterSummary"];
            let seen = &views[others.as_str().unwrap_or_default()]["summary"];
            ensure!(*seen == summary, "{seen}");
            Ok(true)
        },
    )
    .await
}
