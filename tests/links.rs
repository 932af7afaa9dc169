//! What the links of a node are made of is to be seen, and what is missing is made again by the node itself.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// The links of `viewer` to the node at `host`.
async fn links(viewer: &Node, host: &str) -> Result<Value> {
    let list = viewer.json(&["cluster", "links"]).await?;
    let all = list["resources"].as_array().context("a list")?;
    let found = all.iter().find(|one| one["host"] == host);
    Ok(found.with_context(|| format!("nothing of {host} in {list}"))?.clone())
}

/// One part of them.
fn part<'a>(links: &'a Value, part: &str) -> Result<&'a Value> {
    let parts = links["parts"].as_array().context("parts")?;
    let found = parts.iter().find(|one| one["part"] == part);
    found.with_context(|| format!("no {part} in {links}"))
}

async fn is_complete(viewer: &Node, host: &str) -> Result<Value> {
    let mut seen = Value::Null;
    until(&format!("the links to {host} are complete"), PATIENCE, async || {
        seen = links(viewer, host).await?;
        ensure!(seen["complete"] == true, "{seen}");
        Ok(true)
    })
    .await?;
    Ok(seen)
}

#[tokio::test]
async fn a_part_of_a_link_that_is_gone_is_made_again_and_what_was_done_is_to_be_seen() -> Result<()> {
    let cluster = Cluster::new(2).await?;
    let (one, host) = (cluster.first(), cluster.nodes[1].address.to_string());
    let before = is_complete(one, &host).await?;
    for name in ["role", "hba", "ident", "slot", "subscription"] {
        let part = part(&before, name)?;
        ensure!(part["exists"] == true && part["shouldExist"] == true, "{part}");
    }
    ensure!(part(&before, "revocation")?["exists"] == false, "{before}");

    one.db(sql::database::CLUSTER)
        .await?
        .batch_execute(
            "alter subscription keystead_2_to_1 disable;
             alter subscription keystead_2_to_1 set (slot_name = none);
             drop subscription keystead_2_to_1",
        )
        .await?;
    until("the subscription was made again", PATIENCE, async || {
        let last = part(&links(one, &host).await?, "subscription")?["last"].clone();
        ensure!(
            last["did"] == "made the subscription" && last["error"] == Value::Null,
            "{last}"
        );
        ensure!(
            last["why"]
                .as_str()
                .is_some_and(|why| why.contains("nothing was taken")),
            "{last}"
        );
        Ok(true)
    })
    .await?;
    let after = is_complete(one, &host).await?;
    cluster.nodes[1]
        .json(&["keys", "create", "--name", "over-the-new-one"])
        .await?;
    cluster.wait_until_equal().await?;

    // Woken and run again, it finds nothing to do: what was done last stays what it was.
    until("the reconciler ran again", PATIENCE, async || {
        one.query("select pg_notify('keystead_node', '')::text").await?;
        Ok(true)
    })
    .await?;
    cluster.wait_until_linked().await?;
    assert_eq!(is_complete(one, &host).await?, after);
    Ok(())
}

#[tokio::test]
async fn of_a_removed_node_only_its_place_on_the_revocation_list_stays() -> Result<()> {
    let cluster = Cluster::new(2).await?;
    let (one, host) = (cluster.first(), cluster.nodes[1].address.to_string());
    let id = is_complete(one, &host).await?["nodeID"]
        .as_str()
        .context("an id")?
        .to_owned();
    one.ksctl(&["cluster", "nodes", "delete", "--id", &id, "-y"])
        .await?
        .text()?;
    until("everything of it is gone", PATIENCE, async || {
        let left = links(one, &host).await?;
        ensure!(left["complete"] == true && left["state"] == "removed", "{left}");
        ensure!(left["parts"].as_array().is_some_and(|parts| parts.len() == 1), "{left}");
        let revocation = part(&left, "revocation")?;
        ensure!(
            revocation["exists"] == true && revocation["last"]["why"] == "the node was removed",
            "{left}"
        );
        Ok(true)
    })
    .await
}
