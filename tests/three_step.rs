//! The join in three steps, for those who carry the ticket themselves: with files, and with pipes.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::harness::{Cluster, Node};

#[tokio::test]
async fn a_node_joins_with_files() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let node = cluster.lab.single().await?;
    let (host, member) = (node.address.to_string(), cluster.first().address.to_string());

    let csr = cluster.lab.file("csr.pem", "")?;
    let said = node
        .ksctl(&["cluster", "csr", "--host", &host, "--csrfile", &csr])
        .await?;
    assert_eq!(said.text()?, "");

    let sign = ["cluster", "nodes", "create", "--newnodehost", &host, "--csrfile", &csr];
    let ticket = cluster.first().json(&sign).await?;
    let part = |name: &str| cluster.lab.file(name, ticket[name].as_str().unwrap_or_default());
    let (cert, ca, blob) = (part("cert")?, part("cachain")?, part("mkek_blob")?);

    let mut join = vec!["cluster", "join", "--host", &host, "--member", &member, "--block", "-y"];
    join.extend(["--certfile", &cert, "--cafile", &ca, "--mkek-blobfile", &blob]);
    let ready = node.json(&join).await?;
    is_second(&ready)?;
    both_agree(&cluster, &node).await
}

#[tokio::test]
async fn a_node_joins_with_pipes() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let node = cluster.lab.single().await?;
    let (host, member) = (node.address.to_string(), cluster.first().address.to_string());

    let csr = node.ksctl(&["cluster", "csr", "--host", &host]).await?.text()?;
    let sign = ["cluster", "nodes", "create", "--newnodehost", &host, "--csrfile", "-"];
    let ticket = cluster.first().ksctl_with(&sign, &csr).await?.text()?;
    let join = [
        "cluster",
        "join",
        "--host",
        &host,
        "--member",
        &member,
        "--ticketfile",
        "-",
        "--block",
        "-y",
    ];
    let ready = node.ksctl_with(&join, &ticket).await?.json()?;
    is_second(&ready)?;
    both_agree(&cluster, &node).await
}

fn is_second(ready: &Value) -> Result<()> {
    assert_eq!(
        (&ready["status"]["code"], &ready["nodeCount"]),
        (&"r".into(), &2.into()),
        "{ready}"
    );
    ready["nodeID"]
        .as_str()
        .filter(|id| id.len() == 32)
        .context("the new node has no id")
        .map(drop)
}

async fn both_agree(cluster: &Cluster, node: &Node) -> Result<()> {
    for one in [cluster.first(), node] {
        let list = one.json(&["cluster", "nodes", "list"]).await?;
        assert_eq!(list["total"], 2, "{list}");
    }
    assert_eq!(cluster.first().digest().await?, node.digest().await?);
    Ok(())
}
