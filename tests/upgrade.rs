//! A cluster goes from one version to the next node by node, under load; the way back and leaps are refused.
//!
//! The next version is the same program with another number and one more migration, which a build for tests takes from its
//! environment: `Node::install`.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::harness::cluster::{Lab, fulljoin};
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::load::Load;
use crate::load::joining::has_all;

const NEXT: &str = "0.2.0";
const AFTER_NEXT: &str = "0.3.0";

/// Keys acknowledged while one node is upgraded.
const KEYS: u64 = 60;

/// What the next version adds: a column of an enlisted table, and a table.
const MIGRATION: &str = "
    select replication.add_column('public.cluster_property', 'note', 'text', 999, 'none');
    create table public.label (id text primary key, value text not null);
    select replication.enlist_later('public.label', 999);
";
const WRITE_COLUMN: &str = "insert into public.cluster_property (name, value, note) values ('colour', 'blue', 'new')
                            returning note";
const WRITE_TABLE: &str = "insert into public.label values ('a', 'new') returning value";

fn next_version(lab: &Lab) -> Result<PathBuf> {
    lab.folder_with("next-version", "V999__next.sql", MIGRATION)
}

#[tokio::test]
async fn a_cluster_is_upgraded_node_by_node_under_load_and_nothing_is_lost() -> Result<()> {
    let mut cluster = Cluster::new(3).await?;
    let migrations = next_version(&cluster.lab)?;
    let mut acknowledged = Vec::new();
    for number in 0..cluster.nodes.len() {
        let others = (0..cluster.nodes.len()).filter(|other| *other != number);
        let mut load = Load::start(others.map(|other| &cluster.nodes[other])).await?;
        load.go_on_steadily();
        load.wait_for(KEYS).await?;
        let node = &mut cluster.nodes[number];
        node.stop().await?;
        node.install(NEXT, &migrations);
        node.start().await?;
        load.wait_for(KEYS).await?;
        if number < 2 {
            nothing_new_is_used_yet(&cluster, number).await?;
        }
        load.add(&cluster.nodes[number]).await?;
        load.wait_for(KEYS).await?;
        acknowledged.extend(load.stop().await?);
        cluster.wait_until_linked().await?;
    }
    what_is_new_is_used(&cluster).await?;
    cluster.wait_until_equal().await?;
    for node in &cluster.nodes {
        has_all(node, &acknowledged).await?;
    }
    a_node_of_the_new_version_may_join(&mut cluster, migrations).await
}

/// An upgraded node refuses what the others could not take.
async fn nothing_new_is_used_yet(cluster: &Cluster, upgraded: usize) -> Result<()> {
    for write in [WRITE_COLUMN, WRITE_TABLE] {
        let refused = cluster.nodes[upgraded].query(write).await.err();
        let refused = refused.map(|error| format!("{error:#?}")).unwrap_or_default();
        ensure!(refused.contains("KS002"), "{write}: {refused}");
    }
    Ok(())
}

async fn what_is_new_is_used(cluster: &Cluster) -> Result<()> {
    for (node, write) in cluster.nodes.iter().zip([WRITE_COLUMN, WRITE_TABLE]) {
        let what = format!("{} lets what is new be used", node.address);
        until(&what, PATIENCE, async || Ok(node.query(write).await? == "new")).await?;
    }
    for node in &cluster.nodes {
        let what = format!("what is new is on {}", node.address);
        until(&what, PATIENCE, async || {
            let column = node
                .query("select note from live.cluster_property where name = 'colour'")
                .await?;
            let table = node.query("select value from live.label").await?;
            ensure!(
                (column.as_str(), table.as_str()) == ("new", "new"),
                "{column} and {table}"
            );
            Ok(true)
        })
        .await?;
    }
    Ok(())
}

async fn a_node_of_the_new_version_may_join(cluster: &mut Cluster, migrations: PathBuf) -> Result<()> {
    let mut node = cluster.lab.node()?;
    node.install(NEXT, &migrations);
    node.start_new("").await?;
    cluster.join(node).await?;
    cluster.nodes[3]
        .query("update public.label set value = 'newer' returning value")
        .await?;
    cluster.wait_until_equal().await?;
    assert_eq!(cluster.first().query("select value from live.label").await?, "newer");
    Ok(())
}

#[tokio::test]
async fn nobody_joins_a_cluster_whose_members_run_different_versions() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let migrations = next_version(&cluster.lab)?;
    upgrade(&mut cluster.nodes[1], NEXT, &migrations).await?;
    let address = cluster.nodes[1].address;
    let heard = "select count(*)::text from live.node_version where product = '0.2.0'";
    until("the first node has heard of it", PATIENCE, async || {
        Ok(cluster.first().query(heard).await? == "1")
    })
    .await?;
    let joiner = cluster.lab.single().await?;
    let refused = fulljoin(cluster.first(), &joiner, true).await.err();
    let refused = refused.map(|error| format!("{error:#}")).unwrap_or_default();
    let expected = format!("the cluster is being upgraded: the member runs 0.1.0, and {address}:5432 runs 0.2.0");
    ensure!(refused.contains(&expected), "{refused}");
    let refused = fulljoin(&cluster.nodes[1], &joiner, true).await.err();
    let refused = refused.map(|error| format!("{error:#}")).unwrap_or_default();
    ensure!(refused.contains("version mismatch: this node runs 0.1.0"), "{refused}");
    assert_eq!(joiner.json(&["cluster", "info"]).await?["status"]["code"], "none");
    Ok(())
}

#[tokio::test]
async fn the_way_back_and_leaps_are_refused_and_change_nothing() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let migrations = next_version(&cluster.lab)?;
    cluster.first().json(&["keys", "create", "--name", "before"]).await?;
    let node = &mut cluster.nodes[1];
    refused(
        node,
        AFTER_NEXT,
        Some(&migrations),
        "more than one version before 0.3.0",
    )
    .await?;
    upgrade(node, NEXT, &migrations).await?;
    refused(
        node,
        "0.1.0",
        None,
        "this node was run with a newer version: 0.2.0 (schema 999)",
    )
    .await?;
    // The others are not yet where it comes from.
    let first = cluster.first().address;
    let node = &mut cluster.nodes[1];
    let expected = format!("members are more than one version away: {first}:5432 runs 0.1.0");
    refused(node, AFTER_NEXT, Some(&migrations), &expected).await?;
    node.install(NEXT, &migrations);
    node.start().await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    let versions = cluster.first().json(&["cluster", "nodes", "list"]).await?;
    let versions: Vec<_> = (0..2).map(|at| versions["resources"][at]["version"].as_str()).collect();
    assert_eq!(versions, [Some("0.1.0"), Some(NEXT)]);
    let key = cluster.nodes[1].json(&["keys", "get", "--name", "before"]).await?;
    assert_eq!(key["name"], "before");
    Ok(())
}

#[tokio::test]
async fn an_upgrade_that_is_killed_halfway_goes_on_at_the_next_start() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let migrations = next_version(&cluster.lab)?;
    upgrade(&mut cluster.nodes[0], NEXT, &migrations).await?;
    let node = &mut cluster.nodes[1];
    node.stop().await?;
    node.install(NEXT, &migrations);
    node.spawn("upgrade::sends=return")?;
    node.wait_until_it_ends().await?;
    node.start().await?;
    what_is_new_is_used(&cluster).await?;
    cluster.wait_until_equal().await
}

async fn upgrade(node: &mut Node, version: &str, migrations: &Path) -> Result<()> {
    if node.agent_pid().is_ok() {
        node.stop().await?;
    }
    node.install(version, migrations);
    node.start().await
}

/// Stops the node and starts it as another version, which has to say this and end.
async fn refused(node: &mut Node, version: &str, migrations: Option<&PathBuf>, expected: &str) -> Result<()> {
    if node.agent_pid().is_ok() {
        node.stop().await?;
    }
    match migrations {
        Some(folder) => node.install(version, folder),
        None => node.install_built(),
    }
    node.spawn("")?;
    let status = node.wait_until_it_ends().await?;
    ensure!(!status.success(), "version {version} was let start");
    ensure!(node.last_words().contains(expected), "{}", node.last_words());
    Ok(())
}
