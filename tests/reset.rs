//! A node that is reset is as new as on its first day, whatever it was and whatever comes in between.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::harness::cluster::Lab;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::removal::{delete, nothing_is_left};

/// Waits until the node has thrown its old self away, then logs in as on the first day.
async fn is_new(node: &mut Node, old_certificate: &[u8]) -> Result<()> {
    let certificate = node.rest_certificate();
    until("the node has a new certificate", PATIENCE, async || {
        Ok(std::fs::read(&certificate)? != old_certificate)
    })
    .await?;
    node.first_log_in().await?;
    assert_eq!(node.json(&["cluster", "info"]).await?["status"]["code"], "none");
    assert_eq!(node.json(&["keys", "list"]).await?["total"], 0);
    assert_eq!(node.links().await?, "");
    assert!(!node.data().join("reset").exists(), "the mark is left");
    Ok(())
}

#[tokio::test]
async fn a_reset_asks_first_and_answers_before_it_begins() -> Result<()> {
    let mut lab = Lab::new()?;
    let mut node = lab.single().await?;
    node.json(&["keys", "create", "--name", "gone"]).await?;
    let old = std::fs::read(node.rest_certificate())?;
    for (typed, said) in [("", "-y answers yes"), ("n\n", "nothing was done")] {
        let refused = node.ksctl_with(&["services", "reset"], typed).await?;
        ensure!(refused.code == Some(1) && refused.stderr.contains(said), "{refused:?}");
        ensure!(
            refused.stderr.contains("WARNING: this deletes everything"),
            "{refused:?}"
        );
    }
    let refused = node
        .rest()
        .await?
        .post("system/services/reset", &json!({"delay": 3601}))
        .await?;
    assert_eq!(refused.status, reqwest::StatusCode::BAD_REQUEST);
    nothing_is_reset_that_is_not_named(&node).await?;
    node.json(&["keys", "get", "--name", "gone"]).await?;

    let answer = node.json(&["services", "reset", "--delay", "1", "-y"]).await?;
    assert_eq!(answer, json!({"status": "resetting", "delay": 1}));
    is_new(&mut node, &old).await
}

/// What clients of the wire contract send is refused, with the way out.
async fn nothing_is_reset_that_is_not_named(node: &Node) -> Result<()> {
    let rest = node.rest().await?;
    for body in [
        json!({"delay": 5}),
        json!({}),
        json!(null),
        json!({"confirm": "another"}),
        json!({"confirm": ""}),
    ] {
        let refused = rest.post("system/services/reset", &body).await?;
        assert_eq!(refused.status, reqwest::StatusCode::BAD_REQUEST, "{body}");
        let hint = refused.body["hint"].as_str().unwrap_or_default();
        assert!(
            hint.contains("\"confirm\":") && hint.contains("reset_without_confirmation"),
            "{hint}"
        );
    }
    assert!(!node.data().join("reset").exists());
    Ok(())
}

#[tokio::test]
async fn where_it_is_set_a_reset_needs_no_name_but_a_wrong_one_is_refused_all_the_same() -> Result<()> {
    let mut lab = Lab::new()?;
    let mut node = lab.node()?;
    node.configure_rest_with("reset_without_confirmation = true")?;
    node.start_new("").await?;
    let old = std::fs::read(node.rest_certificate())?;
    let rest = node.rest().await?;
    let refused = rest
        .post("system/services/reset", &json!({"confirm": "another"}))
        .await?;
    assert_eq!(refused.status, reqwest::StatusCode::BAD_REQUEST);
    rest.post("system/services/reset", &json!({"delay": 0})).await?.good()?;
    is_new(&mut node, &old).await
}

#[tokio::test]
async fn a_reset_that_was_cut_off_is_finished_by_the_next_start() -> Result<()> {
    let mut lab = Lab::new()?;
    let mut node = lab.single().await?;
    node.json(&["keys", "create", "--name", "gone"]).await?;
    let old = std::fs::read(node.rest_certificate())?;
    // The agent died in the midst of it: PostgreSQL still runs, a part is gone.
    node.kill()?;
    std::fs::write(node.data().join("reset"), "")?;
    std::fs::remove_dir_all(node.data().join("tls"))?;
    node.spawn("")?;
    is_new(&mut node, &old).await
}

#[tokio::test]
async fn a_member_that_was_reset_is_removed_and_joins_again_under_another_id() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let mut node = cluster.nodes.pop().context("the second node")?;
    let (id, old) = (node.id().await?, std::fs::read(node.rest_certificate())?);
    node.ksctl(&["services", "reset", "--delay", "0", "-y"]).await?.text()?;
    is_new(&mut node, &old).await?;
    delete(cluster.first(), &id).await?.text()?;
    nothing_is_left(cluster.first(), &id).await?;
    cluster.join(node).await?;
    assert_ne!(cluster.nodes[1].id().await?, id);
    cluster.wait_until_equal().await
}
