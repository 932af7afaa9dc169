//! Nodes are compared and mended, and a user can wait until everything is everywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::load::Load;

const UNEQUAL: &str = "this node and the member do not hold the same data";

#[tokio::test]
async fn when_a_wait_returns_everything_written_before_is_on_every_node() -> Result<()> {
    let cluster = Cluster::new(3).await?;
    for number in 0..5 {
        let id = make(cluster.first(), &format!("before-{number}")).await?;
        if number % 2 == 0 {
            let answer = cluster.first().json(&["cluster", "wait", "--timeout", "60s"]).await?;
            assert_eq!(answer["everywhere"], true, "{answer}");
            assert_eq!(answer["members"].as_array().map(Vec::len), Some(2), "{answer}");
        } else {
            cluster
                .first()
                .query("select replication.wait_for_members()::text")
                .await?;
        }
        for node in &cluster.nodes {
            assert_eq!(has(node, &id).await?, "true", "{id} on {}", node.address);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_wait_names_the_member_that_does_not_take_changes_and_ends_when_it_does() -> Result<()> {
    let cluster = Cluster::new(3).await?;
    let names = [node_id(&cluster.nodes[1]).await?, node_id(&cluster.nodes[2]).await?];
    // Whoever applies a key on the last node waits for this; its agent goes on saying what it has.
    let lock = cluster.nodes[2].db(sql::database::CLUSTER).await?;
    lock.batch_execute("begin; lock table public.key in exclusive mode")
        .await?;
    let id = make(cluster.first(), "held-up").await?;
    let said = cluster.first().ksctl(&["cluster", "wait", "--timeout", "4"]).await?;
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
    assert!(
        said.stderr.contains(&names[1]) && !said.stderr.contains(&names[0]),
        "{said:?}"
    );
    assert_eq!(has(&cluster.nodes[2], &id).await?, "false");

    // More time than one call has: the answer says how far it is, and the next call goes on with the same.
    let rest = cluster.first().rest().await?;
    let so_far = rest
        .post("cluster/wait", &json!({"timeoutSeconds": 60}))
        .await?
        .good()?;
    assert_eq!(so_far["everywhere"], false, "{so_far}");
    let had: Vec<bool> = [0, 1]
        .map(|member| so_far["members"][member]["hadAt"].is_string())
        .into();
    assert_eq!(had, [true, false], "{so_far}");
    lock.batch_execute("rollback").await?;
    let rest_of_it = json!({"timeoutSeconds": 20, "upTo": so_far["upTo"]});
    let answer = rest.post("cluster/wait", &rest_of_it).await?.good()?;
    assert_eq!(
        (&answer["everywhere"], &answer["upTo"]),
        (&json!(true), &so_far["upTo"])
    );
    assert_eq!(has(&cluster.nodes[2], &id).await?, "true");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_harmed_behind_the_clusters_back_are_named_and_mended_while_writes_go_on() -> Result<()> {
    let cluster = Cluster::new(3).await?;
    let asked = cluster.first();
    let mut keys = Vec::new();
    for number in 0..7 {
        keys.push(make(asked, &format!("key-{number}")).await?);
    }
    asked
        .ksctl(&["keys", "delete", "--type", "id", "--name", &keys[5], "-y"])
        .await?
        .text()?;
    asked.json(&["cluster", "wait", "--timeout", "60"]).await?;
    let load = Load::start(&cluster.nodes).await?;
    load.go_on_steadily();

    let expected = harm_seven(&cluster, &keys).await?;
    let found = asked.ksctl(&["cluster", "verify"]).await?;
    assert_eq!(found.code, Some(1), "{found:?}");
    assert_eq!(named(&serde_json::from_str(&found.stdout)?), expected);
    let shown = asked.ksctl(&["cluster", "verify", "--respfmt", "table"]).await?.stdout;
    assert!(keys.iter().all(|key| shown.contains(key)), "{shown}");

    let mended = asked.json(&["cluster", "verify", "--repair"]).await?;
    assert_eq!(named(&mended), expected);
    assert_eq!(mended["remaining"], json!([]), "{mended}");
    assert_eq!(repaired(&mended, &keys[2]), "kept here");
    let taken = format!("taken from {}", node_id(&cluster.nodes[1]).await?);
    assert_eq!(repaired(&mended, &keys[3]), taken);
    for node in &cluster.nodes {
        let equal = node.json(&["cluster", "verify"]).await?;
        assert_eq!(equal["differences"], json!([]), "asked of {}", node.address);
    }
    load.stop().await?;
    every_node_has_its_keys_again(&cluster, &keys).await
}

/// Harms seven keys, the sixth of which was deleted. The key, the other node and the problem that the first node is to
/// name for each.
async fn harm_seven(cluster: &Cluster, keys: &[String]) -> Result<Vec<(String, String, String)>> {
    let [asked, second, third] = [&cluster.nodes[0], &cluster.nodes[1], &cluster.nodes[2]];
    for (node, change, key) in [
        (second, "delete from public.key", 0),
        (second, "update public.key set version = version - 1", 1),
        (second, "update public.key set wrapped = 'rotten'", 2),
        (asked, "update public.key set wrapped = 'rotten'", 3),
        (asked, "delete from public.key", 4),
        (third, "delete from public.key", 5),
        (third, "update public.key set version = version + 1, name = 'newer'", 6),
    ] {
        harm(node, &format!("{change} where id = '{}'", keys[key])).await?;
    }
    let (second, third) = (node_id(second).await?, node_id(third).await?);
    let mut expected: Vec<_> = [
        (0, &second, "missing there"),
        (1, &second, "older there"),
        (2, &second, "other content"),
        (3, &second, "other content"),
        (3, &third, "other content"),
        (4, &second, "missing here"),
        (4, &third, "missing here"),
        (5, &third, "missing there"),
        (6, &third, "older here"),
    ]
    .map(|(key, node, problem)| (keys[key].clone(), node.clone(), problem.to_owned()))
    .into();
    expected.sort();
    Ok(expected)
}

async fn every_node_has_its_keys_again(cluster: &Cluster, keys: &[String]) -> Result<()> {
    cluster.wait_until_equal().await?;
    for node in &cluster.nodes {
        for (number, id) in keys.iter().enumerate() {
            let expected = if number == 5 { "false" } else { "true" };
            assert_eq!(has(node, id).await?, expected, "key {number} on {}", node.address);
        }
        let rotten = "select count(*)::text from public.key where wrapped = 'rotten'";
        assert_eq!(node.query(rotten).await?, "0", "on {}", node.address);
        node.json(&["keys", "export", "--type", "id", "--name", &keys[3]])
            .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_cluster_is_found_sound_under_load_and_a_harmed_one_says_so_unasked() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    for node in &mut cluster.nodes {
        node.configure("[cluster]\nverify_every = \"1s\"")?;
        node.stop().await?;
        node.start().await?;
    }
    cluster.wait_until_linked().await?;
    let mut keys = Vec::new();
    for number in 0..20 {
        keys.push(make(cluster.first(), &format!("hot-{number}")).await?);
    }
    let mut load = Load::start(&cluster.nodes).await?;
    let hot = Hot::start(&cluster.nodes, &keys).await?;
    for node in cluster.nodes.iter().cycle().take(6) {
        load.wait_for(20).await?;
        let report = node.json(&["cluster", "verify"]).await?;
        assert_eq!(report["differences"], json!([]), "asked of {}", node.address);
        assert_eq!(report["members"][0]["outcome"], "equal", "{report}");
    }
    load.stop().await?;
    assert!(
        hot.stop().await? > 100,
        "too few writes of the same rows to prove anything"
    );
    what_is_on_its_way_is_no_difference(&cluster, &keys).await?;
    for node in &cluster.nodes {
        assert!(!node.logged().contains(UNEQUAL), "a false alarm on {}", node.address);
    }

    harm(
        &cluster.nodes[1],
        &format!("delete from public.key where id = '{}'", keys[7]),
    )
    .await?;
    until("both nodes say unasked which row differs", PATIENCE, async || {
        Ok(cluster.nodes.iter().all(|node| {
            let logged = node.logged();
            let told = logged.lines().find(|line| line.contains(UNEQUAL));
            told.is_some_and(|line| line.contains("ERROR") && line.contains("public.key") && line.contains(&keys[7]))
        }))
    })
    .await
}

/// Compares two nodes of which the second does not get what the first has just written.
async fn what_is_on_its_way_is_no_difference(cluster: &Cluster, keys: &[String]) -> Result<()> {
    let [first, second] = [&cluster.nodes[0], &cluster.nodes[1]];
    for node in [first, second] {
        node.json(&["cluster", "wait", "--timeout", "60"]).await?;
    }
    let lock = second.db(sql::database::CLUSTER).await?;
    lock.batch_execute("begin; lock table public.key in exclusive mode")
        .await?;
    let late = "update public.key set description = 'late' where id = any ($1)";
    let written = first.db(sql::database::CLUSTER).await?.execute(late, &[&keys]).await?;
    assert_eq!(written, keys.len() as u64);
    let report = first.json(&["cluster", "verify"]).await?;
    assert_eq!(report["differences"], json!([]), "{report}");
    lock.batch_execute("rollback").await?;
    first.json(&["cluster", "wait", "--timeout", "60"]).await.map(drop)
}

#[tokio::test]
async fn a_member_that_is_down_is_named_as_not_compared() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let address = cluster.nodes[1].address.to_string();
    cluster.nodes[1].stop().await?;
    let said = cluster.first().ksctl(&["cluster", "verify"]).await?;
    assert_eq!(said.code, Some(1), "{said:?}");
    let report: Value = serde_json::from_str(&said.stdout)?;
    assert_eq!(report["members"][0]["outcome"], "not compared", "{report}");
    assert!(said.stderr.contains(&address), "{said:?}");
    Ok(())
}

/// Writes of the same few rows on every node at once, as fast as they go.
struct Hot {
    writers: JoinSet<Result<usize>>,
    stop: Arc<AtomicBool>,
}

impl Hot {
    async fn start(nodes: &[Node], keys: &[String]) -> Result<Self> {
        let (mut writers, stop) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
        for node in nodes {
            let (db, keys, stop) = (node.db(sql::database::CLUSTER).await?, keys.to_vec(), Arc::clone(&stop));
            writers.spawn(async move {
                let mut written = 0;
                while !stop.load(Ordering::Relaxed) {
                    let id = &keys[written % keys.len()];
                    let write = "update public.key set description = $1 where id = $2";
                    db.execute(write, &[&format!("written {written} times"), id]).await?;
                    written += 1;
                }
                Ok(written)
            });
        }
        Ok(Self { writers, stop })
    }

    async fn stop(mut self) -> Result<usize> {
        self.stop.store(true, Ordering::Relaxed);
        let mut written = 0;
        while let Some(ended) = self.writers.join_next().await {
            written += ended??;
        }
        Ok(written)
    }
}

/// Makes a key; its id.
async fn make(node: &Node, name: &str) -> Result<String> {
    let made = node.json(&["keys", "create", "--name", name]).await?;
    Ok(made["id"].as_str().context("a key without an id")?.to_owned())
}

async fn has(node: &Node, id: &str) -> Result<String> {
    node.query(&format!("select exists (select from live.key where id = '{id}')::text"))
        .await
}

async fn node_id(node: &Node) -> Result<String> {
    let info = node.json(&["cluster", "info"]).await?;
    Ok(info["nodeID"].as_str().context("a node without an id")?.to_owned())
}

/// Does something to exactly one row that no trigger notices.
async fn harm(node: &Node, statement: &str) -> Result<()> {
    let db = node.db(sql::database::CLUSTER).await?;
    db.batch_execute("set session_replication_role = replica").await?;
    let touched = db.execute(statement, &[]).await?;
    ensure!(touched == 1, "{touched} rows: {statement}");
    Ok(())
}

/// Key, node and problem of every row in a report, sorted.
fn named(report: &Value) -> Vec<(String, String, String)> {
    let all = report["differences"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut named: Vec<_> = all
        .map(|one| (text(&one["key"]["id"]), text(&one["nodeID"]), text(&one["problem"])))
        .collect();
    named.sort();
    named
}

/// What was done to a key.
fn repaired(report: &Value, id: &str) -> String {
    let mut all = report["differences"].as_array().into_iter().flatten();
    let one = all.find(|one| one["key"]["id"] == id);
    one.and_then(|one| one["repaired"].as_str())
        .unwrap_or_default()
        .to_owned()
}
