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

    // More time than one call of the appliance has: `ksctl` asks again.
    let waiting = cluster.first().json(&["cluster", "wait", "--timeout", "90s"]);
    let releasing = async {
        tokio::time::sleep(std::time::Duration::from_secs(22)).await;
        lock.batch_execute("rollback").await.context("the lock was lost")
    };
    let (waited, released) = tokio::join!(waiting, releasing);
    released?;
    assert_eq!(waited?["everywhere"], true);
    assert_eq!(has(&cluster.nodes[2], &id).await?, "true");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_harmed_behind_the_clusters_back_are_named_and_mended_while_writes_go_on() -> Result<()> {
    let cluster = Cluster::new(3).await?;
    let [asked, second, third] = [&cluster.nodes[0], &cluster.nodes[1], &cluster.nodes[2]];
    let mut keys = Vec::new();
    for number in 0..8 {
        keys.push(make(asked, &format!("key-{number}")).await?);
    }
    asked
        .ksctl(&["keys", "delete", "--type", "id", "--name", &keys[5], "-y"])
        .await?
        .text()?;
    asked.json(&["cluster", "wait", "--timeout", "60"]).await?;
    let load = Load::start(&cluster.nodes).await?;
    load.go_on_steadily();

    harm(second, &format!("delete from public.key where id = '{}'", keys[0])).await?;
    harm(
        second,
        &format!("update public.key set version = version - 1 where id = '{}'", keys[1]),
    )
    .await?;
    harm(
        second,
        &format!("update public.key set wrapped = 'rotten' where id = '{}'", keys[2]),
    )
    .await?;
    harm(
        asked,
        &format!("update public.key set wrapped = 'rotten' where id = '{}'", keys[3]),
    )
    .await?;
    harm(asked, &format!("delete from public.key where id = '{}'", keys[4])).await?;
    harm(third, &format!("delete from public.key where id = '{}'", keys[5])).await?;
    harm(
        third,
        &format!(
            "update public.key set version = version + 1, name = 'newer' where id = '{}'",
            keys[6]
        ),
    )
    .await?;

    let (two, three) = (node_id(second).await?, node_id(third).await?);
    let mut expected = vec![
        (keys[0].clone(), two.clone(), "missing there"),
        (keys[1].clone(), two.clone(), "older there"),
        (keys[2].clone(), two.clone(), "other content"),
        (keys[3].clone(), two.clone(), "other content"),
        (keys[3].clone(), three.clone(), "other content"),
        (keys[4].clone(), two.clone(), "missing here"),
        (keys[4].clone(), three.clone(), "missing here"),
        (keys[5].clone(), three.clone(), "missing there"),
        (keys[6].clone(), three.clone(), "older here"),
    ];
    expected.sort();
    let found = asked.ksctl(&["cluster", "verify"]).await?;
    assert_eq!(found.code, Some(1), "{found:?}");
    assert_eq!(named(&serde_json::from_str(&found.stdout)?), expected);
    let shown = asked.ksctl(&["cluster", "verify", "--respfmt", "table"]).await?;
    assert!(
        keys[..7].iter().all(|key| shown.stdout.contains(key)),
        "{}",
        shown.stdout
    );

    let mended = asked.json(&["cluster", "verify", "--repair"]).await?;
    assert_eq!(named(&mended), expected);
    assert_eq!(mended["remaining"], json!([]), "{mended}");
    assert_eq!(repaired(&mended, &keys[2]), "kept here");
    assert!(
        [&two, &three]
            .iter()
            .any(|id| repaired(&mended, &keys[3]) == format!("taken from {id}")),
        "{mended}"
    );
    for node in &cluster.nodes {
        let equal = node.json(&["cluster", "verify"]).await?;
        assert_eq!(equal["differences"], json!([]), "asked of {}", node.address);
    }

    load.stop().await?;
    cluster.wait_until_equal().await?;
    for node in &cluster.nodes {
        for id in [&keys[0], &keys[1], &keys[2], &keys[3], &keys[4], &keys[6]] {
            assert_eq!(has(node, id).await?, "true", "{id} on {}", node.address);
        }
        assert_eq!(has(node, &keys[5]).await?, "false", "a deleted key stays deleted");
        let rotten = node
            .query("select count(*)::text from public.key where wrapped = 'rotten'")
            .await?;
        assert_eq!(rotten, "0", "on {}", node.address);
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
fn named(report: &Value) -> Vec<(String, String, &str)> {
    let all = report["differences"].as_array().into_iter().flatten();
    let mut named: Vec<_> = all
        .map(|one| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (
                text(&one["key"]["id"]),
                text(&one["nodeID"]),
                one["problem"].as_str().unwrap_or_default(),
            )
        })
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
