//! The key that signs the cluster's certificates is lost on all members at once: nothing stops, nobody new gets in, and the
//! documented way to another authority keeps every key.

use anyhow::{Context as _, Result, ensure};

use super::{has_all, make, node_id, on_their_own};
use crate::harness::cluster::fulljoin;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::removal::delete;

#[tokio::test]
async fn a_cluster_that_has_lost_the_key_of_its_authority_goes_on_and_is_made_anew_with_all_keys() -> Result<()> {
    let mut cluster = on_their_own(3).await?;
    let mut ids = vec![make(&cluster.first().rest().await?, "before").await?];
    let first = cluster.first().db("keystead").await?;
    first
        .execute("delete from public.cluster_key where name = 'ca'", &[])
        .await?;
    cluster.wait_until_equal().await?;

    for (number, node) in cluster.nodes.iter().enumerate() {
        ids.push(make(&node.rest().await?, &format!("after-{number}")).await?);
    }
    cluster.wait_until_all_have_all().await?;
    let refused = cluster.first().ksctl(&["cluster", "rotate-ca"]).await?;
    ensure!(
        refused.stderr.contains("is lost") && refused.stderr.contains("docs/operations.md"),
        "{refused:?}"
    );

    let mut others = cluster.nodes.split_off(1);
    for node in &others {
        delete(cluster.first(), &node_id(node).await?).await?.text()?;
    }
    for node in cluster.nodes.iter().chain(&others) {
        until("the node has left the cluster", PATIENCE, async || {
            node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
            Ok(node.json(&["cluster", "info"]).await?["status"]["code"] == "none")
        })
        .await?;
    }
    let host = cluster.first().address.to_string();
    cluster.first().json(&["cluster", "new", "--host", &host]).await?;
    while let Some(node) = others.pop() {
        let joined = fulljoin(cluster.first(), &node, true).await?;
        ensure!(joined["status"]["code"] == "r", "{joined}");
        cluster.nodes.push(node);
    }
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    has_all(cluster.nodes.last().context("the last node")?, &ids).await
}
