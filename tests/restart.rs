//! Nodes that go away and come back: what goes on without them, and what they find.

use anyhow::{Result, ensure};

use crate::harness::Cluster;
use crate::harness::node::PATIENCE;
use crate::harness::processes::all_in;
use crate::harness::wait::until;

const KEYS: &str = "select string_agg(name, ' ' order by name) from live.key";

#[tokio::test]
async fn replication_goes_on_while_an_agent_is_down() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let pid_file = cluster.nodes[1].data().join("pg/postmaster.pid");
    let running = std::fs::read_to_string(&pid_file)?;
    cluster.nodes[1].kill()?;
    cluster.nodes[0]
        .json(&["keys", "create", "--name", "meanwhile"])
        .await?;
    until("the key is on the node without an agent", PATIENCE, async || {
        Ok(cluster.nodes[1].query(KEYS).await? == "meanwhile")
    })
    .await?;

    cluster.nodes[1].start().await?;
    assert_eq!(
        std::fs::read_to_string(&pid_file)?,
        running,
        "its PostgreSQL was started anew"
    );
    cluster.nodes[1]
        .json(&["keys", "create", "--name", "with-agent"])
        .await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await
}

#[tokio::test]
async fn a_node_that_was_stopped_is_shown_as_down_and_catches_up() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let id = cluster.nodes[1].json(&["cluster", "info"]).await?["nodeID"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let viewer = cluster.nodes[0].json(&["cluster", "info"]).await?["nodeID"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let ended = cluster.nodes[1].stop().await?;
    assert!(ended.success(), "{ended}");
    assert_eq!(all_in(&cluster.nodes[1].data()), [], "a stopped node leaves no process");

    // Nobody else is there to have it.
    cluster.nodes[0]
        .json(&["keys", "create", "--name", "meanwhile", "--ack", "local"])
        .await?;
    until("the node is shown as down", PATIENCE, async || {
        let summary = cluster.nodes[0].json(&["cluster", "summary"]).await?;
        let seen = &summary["resources"][&viewer]["clusterSummary"][&id];
        ensure!(seen["summary"] == "BAD:node is inactive", "{seen}");
        ensure!(
            seen["nodeInfo"]["status"]["code"] == "d" && seen["nodeInfo"]["connected"] == false,
            "{seen}"
        );
        Ok(true)
    })
    .await?;
    assert_ne!(
        cluster.nodes[0].json(&["cluster", "errors"]).await?,
        serde_json::json!([])
    );

    cluster.nodes[1].start().await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    assert_eq!(cluster.nodes[1].query(KEYS).await?, "meanwhile");
    Ok(())
}
