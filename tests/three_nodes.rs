//! One node, then three: what is done on any of them is on all.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::harness::cluster::summaries;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

#[tokio::test]
async fn three_nodes_are_one_cluster() -> Result<()> {
    let cluster = Cluster::new(3).await?;
    every_node_lists_three_that_are_ready(&cluster).await?;
    every_summary_has_nine_good_entries(&cluster).await?;
    keys_travel(&cluster).await?;
    addresses_travel(&cluster).await?;
    cluster.wait_until_equal().await
}

async fn every_node_lists_three_that_are_ready(cluster: &Cluster) -> Result<()> {
    for node in &cluster.nodes {
        let list = node.json(&["cluster", "nodes", "list"]).await?;
        let all = list["resources"].as_array().cloned().unwrap_or_default();
        let ready = all.iter().filter(|one| one["status"]["description"] == "ready").count();
        let here = all
            .iter()
            .filter(|one| one["isThisNode"] == true)
            .map(|one| &one["host"])
            .collect::<Vec<_>>();
        assert_eq!((all.len(), ready), (3, 3), "{list}");
        assert_eq!(here, [&Value::from(node.address.to_string())], "isThisNode");
        let info = node.json(&["cluster", "info"]).await?;
        assert_eq!(
            (&info["status"]["code"], &info["nodeCount"]),
            (&"r".into(), &3.into()),
            "{info}"
        );
    }
    Ok(())
}

async fn every_summary_has_nine_good_entries(cluster: &Cluster) -> Result<()> {
    for node in &cluster.nodes {
        let summary = node.json(&["cluster", "summary"]).await?;
        assert_eq!(summaries(&summary), ["GOOD"; 9], "{summary}");
        assert_eq!(node.json(&["cluster", "errors"]).await?, Value::Array(vec![]));
    }
    Ok(())
}

/// A key made on each node is on every other; so is its new name, and so is its end.
async fn keys_travel(cluster: &Cluster) -> Result<()> {
    for (number, maker) in cluster.nodes.iter().enumerate() {
        let name = format!("made-on-{number}");
        let made = maker.json(&["keys", "create", "--name", &name]).await?;
        let id = made["id"].as_str().unwrap_or_default();
        on_all(cluster, &format!("{name} is there"), async |node| {
            Ok(key(node, id).await?["name"] == name.as_str())
        })
        .await?;

        let renamer = &cluster.nodes[(number + 1) % 3];
        let new_name = serde_json::json!({"name": format!("{name}-renamed")});
        renamer
            .rest()
            .await?
            .patch(&format!("vault/keys2/{id}"), &new_name)
            .await?
            .good()?;
        let is_renamed = async |node: &Node| Ok(key(node, id).await?["name"] == new_name["name"]);
        on_all(cluster, &format!("{name} has its new name"), is_renamed).await?;

        let deleter = &cluster.nodes[(number + 2) % 3];
        deleter
            .ksctl(&["keys", "delete", "--type", "id", "--name", id, "-y"])
            .await?
            .text()?;
        let is_gone = async |node: &Node| {
            Ok(node.rest().await?.get(&format!("vault/keys2/{id}")).await?.status == reqwest::StatusCode::NOT_FOUND)
        };
        on_all(cluster, &format!("{name} is gone"), is_gone).await?;
    }
    Ok(())
}

/// The public address of a node, changed on another, is the new one on all.
async fn addresses_travel(cluster: &Cluster) -> Result<()> {
    let nodes = cluster.first().json(&["cluster", "nodes", "list"]).await?;
    let last = nodes["resources"][2]["nodeID"].as_str().unwrap_or_default().to_owned();
    let path = format!("nodes/{last}");
    let change = serde_json::json!({"publicAddress": "https://elsewhere.example"});
    let answer = cluster.nodes[1].rest().await?.patch(&path, &change).await?.good()?;
    assert_eq!(answer["publicAddress"], change["publicAddress"]);
    on_all(cluster, "the new address is known", async |node| {
        let node = node.json(&["cluster", "nodes", "get", "--id", &last]).await?;
        Ok(node["publicAddress"] == change["publicAddress"])
    })
    .await
}

async fn key(node: &Node, id: &str) -> Result<Value> {
    node.json(&["keys", "get", "--type", "id", "--name", id]).await
}

async fn on_all(cluster: &Cluster, what: &str, holds: impl AsyncFn(&Node) -> Result<bool>) -> Result<()> {
    until(&format!("{what} on every node"), PATIENCE, async || {
        for node in &cluster.nodes {
            ensure!(holds(node).await?, "not on {}", node.address);
        }
        Ok(true)
    })
    .await
}
