//! What goes wrong below and beside a node: deaths, rotten disks, changes that cannot be applied, thin and slow links. Each
//! file is one kind; each test one case of the table in `docs/testing.md`.

mod applying;
mod authority;
mod crashes;
mod damage;
mod slow;

use anyhow::{Context as _, Result, ensure};
use reqwest::StatusCode;
use serde_json::json;

use crate::harness::rest::Rest;
use crate::harness::{Cluster, Node};

/// A cluster whose writes wait for nobody: its members are about to be away.
async fn on_their_own(size: usize) -> Result<Cluster> {
    let cluster = Cluster::new(size).await?;
    let set = ["cluster", "ack", "set", "--ack", "local"];
    cluster.first().json(&set).await?;
    cluster.wait_until_equal().await?;
    Ok(cluster)
}

/// Makes a key; its id.
async fn make(rest: &Rest, name: &str) -> Result<String> {
    let made = rest.post("vault/keys2", &json!({"name": name})).await?.good()?;
    Ok(made["id"].as_str().context("a key without an id")?.to_owned())
}

/// Every one of these keys can be read on the node.
async fn has_all(node: &Node, ids: &[String]) -> Result<()> {
    let rest = node.rest().await?;
    for id in ids {
        let answer = rest.get(&format!("vault/keys2/{id}?type=id")).await?;
        ensure!(answer.status == StatusCode::OK, "{id} on {}: {answer:?}", node.address);
    }
    Ok(())
}

async fn node_id(node: &Node) -> Result<String> {
    let info = node.json(&["cluster", "info"]).await?;
    Ok(info["nodeID"].as_str().context("a node without an id")?.to_owned())
}
