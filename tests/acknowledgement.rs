//! What an acknowledgement means: whose loss a write survives, and what is said when nobody else is there to have it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::harness::node::PATIENCE;
use crate::harness::rest::{Answer, Rest};
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

const KEYS: &str = "vault/keys2";

/// The time limit of a write, 5 s, and what a busy machine adds.
const IN_TIME: Duration = Duration::from_secs(8);

/// Long enough for a few hundred keys.
const WRITING: Duration = Duration::from_millis(700);

async fn create(node: &Rest, name: &str, ack: Option<&str>) -> Result<Answer> {
    let key = json!({ "name": name });
    match ack {
        Some(ack) => node.post_with_ack(KEYS, &key, ack).await,
        None => node.post(KEYS, &key).await,
    }
}

async fn is_there(node: &Rest, key: &str) -> Result<bool> {
    match node.get(&format!("{KEYS}/{key}")).await?.status {
        StatusCode::OK => Ok(true),
        StatusCode::NOT_FOUND => Ok(false),
        other => anyhow::bail!("{other}"),
    }
}

fn ensure_made(answer: &Answer, ack: &str) -> Result<()> {
    ensure!(
        answer.status == StatusCode::CREATED && answer.ack.as_deref() == Some(ack),
        "not made with {ack}: {answer:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_node_alone_acknowledges_alone_and_refuses_to_promise_more() -> Result<()> {
    let cluster = Cluster::new(1).await?;
    let rest = cluster.first().rest().await?;
    ensure_made(&create(&rest, "a", None).await?, "local")?;
    let refused = create(&rest, "b", Some("any-1")).await?;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
    ensure!(
        refused
            .refusal()?
            .contains("any-1 needs 1 other member, and there is no other member")
    );
    ensure!(!is_there(&rest, "b").await?);
    Ok(())
}

#[tokio::test]
async fn a_key_waits_for_the_peer_and_says_so_when_it_does_not_come() -> Result<()> {
    let cluster = Cluster::new(2).await?;
    let (node, peer) = (cluster.nodes[0].rest().await?, cluster.nodes[1].rest().await?);
    ensure_made(&create(&node, "with both", None).await?, "any-1")?;
    ensure!(is_there(&peer, "with both").await?, "acknowledged and not on the peer");

    cluster.nodes[1].halt_postgres()?;
    let unconfirmed = while_the_peer_hangs(&node).await?;
    once_the_peer_counts_as_gone(&node).await?;

    cluster.nodes[1].let_postgres_go_on()?;
    until("writes are confirmed again", PATIENCE, async || {
        ensure_made(&create(&node, "with both again", None).await?, "any-1").map(|()| true)
    })
    .await?;
    for key in [unconfirmed.as_str(), "alone", "with both again"] {
        ensure!(is_there(&peer, key).await?, "{key} did not reach the peer");
    }
    cluster.wait_until_equal().await
}

/// The peer is connected and silent: the key is written, nobody else has it, and the answer says both. Its id.
async fn while_the_peer_hangs(node: &Rest) -> Result<String> {
    let begin = Instant::now();
    let answer = create(node, "unconfirmed", None).await?;
    ensure!(begin.elapsed() < IN_TIME, "answered after {:?}", begin.elapsed());
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    ensure!(answer.refusal()?.starts_with("NCERRNotConfirmed: written on this node"));
    let id = answer.body["id"].as_str().context("no id")?.to_owned();
    let here = node.get(&format!("{KEYS}/{id}")).await?.good()?;
    assert_eq!(here["rowVersion"], answer.body["rowVersion"]);
    ensure_made(&create(node, "alone", Some("local")).await?, "local")?;
    Ok(id)
}

/// From then on it is refused before anything is written, and at once.
async fn once_the_peer_counts_as_gone(node: &Rest) -> Result<()> {
    let mut refused = None;
    until("the peer counts as gone", PATIENCE, async || {
        let name = format!("maybe-{}", refused.iter().count());
        let answer = create(node, &name, None).await?;
        let is_gone = answer.refusal()?.contains("nothing was written");
        if is_gone {
            refused = Some(answer);
        }
        Ok(is_gone)
    })
    .await?;
    let begin = Instant::now();
    let answer = create(node, "refused", None).await?;
    ensure!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    ensure!(answer.body["id"] == Value::Null && !is_there(node, "refused").await?);
    let hint = answer.body["hint"].as_str().context("no hint")?;
    ensure!(
        hint.contains("X-Keystead-Ack: local") && hint.contains("127."),
        "{hint}"
    );
    Ok(())
}

#[tokio::test]
async fn what_was_acknowledged_survives_the_loss_of_the_node_that_took_it() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    for round in 0..4 {
        let (taker, other) = (round % 2, (round + 1) % 2);
        let acknowledged = keys_until_death(&mut cluster.nodes[taker], round).await?;
        let survivor = cluster.nodes[other].rest().await?;
        for id in &acknowledged {
            ensure!(
                is_there(&survivor, id).await?,
                "{id} of {} was acknowledged and is lost",
                acknowledged.len()
            );
        }
        cluster.nodes[taker].start().await?;
        cluster.wait_until_linked().await?;
    }
    cluster.wait_until_equal().await
}

/// Makes keys as fast as it can until everything of the node is killed under it. The ids of those acknowledged.
async fn keys_until_death(node: &mut Node, round: usize) -> Result<Vec<String>> {
    let rest = node.rest().await?;
    let mut writers = JoinSet::new();
    writers.spawn(async move {
        let mut acknowledged = Vec::new();
        loop {
            let name = format!("{round}-{}", acknowledged.len());
            match create(&rest, &name, Some("any-1")).await {
                Ok(answer) if answer.status == StatusCode::CREATED => {
                    acknowledged.push(answer.body["id"].as_str().unwrap_or_default().to_owned());
                }
                _ => return acknowledged,
            }
        }
    });
    // Not waiting for anything: the death is to come in the midst of it.
    tokio::time::sleep(WRITING).await;
    node.kill_everything().await?;
    let acknowledged = writers.join_next().await.context("the writer is gone")??;
    ensure!(acknowledged.len() > 10, "only {} keys were made", acknowledged.len());
    Ok(acknowledged)
}

#[tokio::test]
async fn what_is_set_on_one_node_holds_on_all_and_cannot_be_more_than_there_are_members() -> Result<()> {
    let cluster = Cluster::new(3).await?;
    let (first, last) = (cluster.nodes[0].rest().await?, cluster.nodes[2].rest().await?);
    let get = ["cluster", "ack", "get"];
    let unset = cluster.nodes[2].json(&get).await?;
    assert_eq!(
        unset,
        json!({"ack": "default", "createAndDelete": "any-1", "change": "local", "peers": 2})
    );
    for (ack, why) in [
        ("any-3", "any-3 needs 3 other members, and there are 2 other members"),
        ("any-2", "any-2 is more than the cluster waits for, which is any-1"),
        ("both", "X-Keystead-Ack: ack is local or any-1 to any-19, not both"),
    ] {
        let refused = create(&last, "refused", Some(ack)).await?;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
        ensure!(refused.refusal()?.contains(why), "{refused:?}");
    }
    let refused = cluster.nodes[0]
        .ksctl(&["cluster", "ack", "set", "--ack", "any-3"])
        .await?;
    ensure!(
        refused.code == Some(1) && refused.stderr.contains("any-3 needs 3"),
        "{refused:?}"
    );

    let set = cluster.nodes[0]
        .json(&["cluster", "ack", "set", "--ack", "any-2"])
        .await?;
    assert_eq!(set["change"], "any-2");
    ensure_made(&create(&first, "at once", None).await?, "any-2")?;
    until("it holds on the last node", PATIENCE, async || {
        Ok(cluster.nodes[2].json(&get).await?["ack"] == "any-2")
    })
    .await?;
    ensure_made(&create(&last, "on all three", None).await?, "any-2")?;
    ensure_made(&create(&last, "asked for less", Some("any-1")).await?, "any-2")?;
    for node in &cluster.nodes {
        ensure!(is_there(&node.rest().await?, "on all three").await?, "{}", node.address);
    }
    without_the_second(&cluster, &last).await
}

/// One of two others is not two others; when fewer will do, it is enough.
async fn without_the_second(cluster: &Cluster, last: &Rest) -> Result<()> {
    cluster.nodes[1].halt_postgres()?;
    let answer = create(last, "two of three", None).await?;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    let unset = ["cluster", "ack", "set", "--ack", "default"];
    assert_eq!(cluster.nodes[2].json(&unset).await?["createAndDelete"], "any-1");
    ensure_made(&create(last, "one other will do", None).await?, "any-1")?;
    cluster.nodes[1].let_postgres_go_on()?;
    cluster.wait_until_equal().await
}
