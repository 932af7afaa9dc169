//! Nodes on different versions of PostgreSQL in one cluster: how a cluster comes to a new one, node by node.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::harness::Cluster;

/// The programs of another PostgreSQL; fetches them when they are not there.
fn fetched(major: &str) -> Result<String> {
    let fetch = Command::new("tests/postgres.sh").arg(major).output()?;
    ensure!(fetch.status.success(), "{}", String::from_utf8_lossy(&fetch.stderr));
    Ok(String::from_utf8(fetch.stdout)?.trim().to_owned())
}

#[tokio::test]
#[ignore = "fetches PostgreSQL 17 and 18"]
async fn nodes_on_different_versions_of_postgresql_are_one_cluster() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    cluster.first().json(&["keys", "create", "--name", "before"]).await?;
    for major in ["17", "18"] {
        let mut node = cluster.lab.node()?;
        node.configure(&format!("bin_dir = \"{}\"", fetched(major)?))?;
        node.start_new("").await?;
        cluster.join(node).await?;
    }
    let mut versions = Vec::new();
    for (at, node) in cluster.nodes.iter().enumerate() {
        node.json(&["keys", "create", "--name", &format!("made-at-{at}")])
            .await?;
        versions.push(
            node.query("select split_part(current_setting('server_version'), '.', 1)")
                .await?,
        );
    }
    cluster.wait_until_equal().await?;
    ensure!(versions.ends_with(&["17".to_owned(), "18".to_owned()]), "{versions:?}");
    for node in &cluster.nodes {
        let names = "select string_agg(name, ' ' order by name) from live.key";
        assert_eq!(node.query(names).await?, "before made-at-0 made-at-1 made-at-2");
    }
    Ok(())
}
