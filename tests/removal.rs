//! Removing members: who may, what is left of the removed one, and that its machine can join again.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;

use crate::harness::cli::Said;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// Within this time after a removal no session of the removed node is left on any member.
const SESSIONS_END: Duration = Duration::from_secs(5);

/// `cluster nodes delete` of the node `id`, asked of `member`.
pub(crate) async fn delete(member: &Node, id: &str) -> Result<Said> {
    member.ksctl(&["cluster", "nodes", "delete", "--id", id, "-y"]).await
}

/// No slot, subscription, role, access line, session or good certificate of the node `id` is on the member.
pub(crate) async fn nothing_is_left(member: &Node, id: &str) -> Result<()> {
    let what = format!("nothing of {id} is left on {}", member.address);
    until(&what, PATIENCE, async || {
        let links = "select string_agg(name, ' ' order by name) from (
            select 'slot keystead_' || replication.this_node() || '_to_' || number from others
            union all select 'subscription keystead_' || number || '_to_' || replication.this_node() from others
            union all select 'role peer_' || id from others) as expected (name)";
        let others = "with others as (select * from live.node
            where state in ('joining', 'ready') and number <> replication.this_node())";
        let (links, expected) = (member.links().await?, member.query(&format!("{others} {links}")).await?);
        ensure!(links == expected, "{links}, not {expected}");
        for file in ["pg_hba.conf", "pg_ident.conf"] {
            let text = std::fs::read_to_string(member.data().join("pg").join(file))?;
            ensure!(!text.contains(id), "{file} names it");
        }
        ensure!(sessions(member, id).await? == "0", "it has sessions");
        let serial = member
            .query(&format!("select serial from public.node where id = '{id}'"))
            .await?;
        ensure!(
            revoked(member)?.contains(&serial.to_uppercase()),
            "{serial} is not revoked"
        );
        Ok(true)
    })
    .await
}

async fn sessions(member: &Node, id: &str) -> Result<String> {
    let query = format!("select count(*)::text from pg_stat_activity where usename = 'peer_{id}'");
    member.query(&query).await
}

/// The member's revocation list, as openssl tells it.
pub(crate) fn revoked(member: &Node) -> Result<String> {
    let mut openssl = std::process::Command::new("openssl");
    openssl
        .args(["crl", "-noout", "-text", "-in"])
        .arg(member.data().join("tls/crl.pem"));
    let said = openssl.output()?;
    ensure!(
        said.status.success(),
        "openssl: {}",
        String::from_utf8_lossy(&said.stderr)
    );
    Ok(String::from_utf8_lossy(&said.stdout).into_owned())
}

#[tokio::test]
async fn a_machine_is_removed_and_joins_again_three_times_untouched() -> Result<()> {
    a_machine_is_removed_and_joins_again(3).await
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_machine_is_removed_and_joins_again_ten_times_untouched() -> Result<()> {
    a_machine_is_removed_and_joins_again(10).await
}

/// Each time at once, under another id, and with nothing of the last time left on the members.
async fn a_machine_is_removed_and_joins_again(times: usize) -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let node = cluster.lab.single().await?;
    cluster.join(node).await?;
    let mut ids = Vec::new();
    for round in 0..times {
        let away = remove_and_join_again(&mut cluster, round).await;
        ids.push(away.with_context(|| format!("round {round}"))?);
    }
    ids.push(cluster.nodes[2].id().await?);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), times + 1, "an id was given twice");
    cluster.wait_until_equal().await?;
    let orphans = cluster.nodes[2].json(&["cluster", "orphans"]).await?;
    assert_eq!(orphans["total"], 0, "what the members have is no orphan: {orphans}");
    let keys = cluster.first().query("select count(*)::text from live.key").await?;
    assert_eq!(keys, times.to_string());
    Ok(())
}

/// The third node of the cluster, which makes a key before it goes. The id it had.
async fn remove_and_join_again(cluster: &mut Cluster, round: usize) -> Result<String> {
    let node = cluster.nodes.pop().context("the third node")?;
    let (id, key) = (node.id().await?, format!("key-{round}"));
    node.json(&["keys", "create", "--name", &key]).await?;
    delete(&cluster.nodes[round % 2], &id).await?.text()?;
    node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
    assert_eq!(node.links().await?, "", "on the removed node");
    for member in &cluster.nodes {
        nothing_is_left(member, &id).await?;
    }
    cluster.join(node).await?;
    Ok(id)
}

#[tokio::test]
async fn sessions_of_a_removed_node_end_on_every_member() -> Result<()> {
    let mut cluster = Cluster::new(3).await?;
    let node = cluster.nodes.pop().context("the third node")?;
    let id = node.id().await?;
    for member in &cluster.nodes {
        ensure!(
            sessions(member, &id).await? != "0",
            "it has sessions while it is a member"
        );
    }
    delete(cluster.first(), &id).await?.text()?;
    until("all sessions of it have ended", SESSIONS_END, async || {
        for member in &cluster.nodes {
            ensure!(sessions(member, &id).await? == "0", "not on {}", member.address);
        }
        Ok(true)
    })
    .await?;
    node.wait_until_removed().await?;
    let refused = node.ksctl(&["keys", "create", "--name", "late"]).await?;
    ensure!(refused.stderr.contains("was removed from its cluster"), "{refused:?}");
    let summary = node.json(&["cluster", "summary"]).await?;
    assert_eq!(
        summary["resources"][&id]["clusterSummary"][&id]["summary"],
        "BAD:node is removed"
    );
    Ok(())
}

/// The living one of two removes the dead one without force. The dead one learns it before it serves anybody again.
#[tokio::test]
async fn a_node_that_was_off_when_it_was_removed_comes_back_knowing_it() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let mut node = cluster.nodes.pop().context("the second node")?;
    let id = node.id().await?;
    node.kill_everything().await?;
    delete(cluster.first(), &id).await?.text()?;
    nothing_is_left(cluster.first(), &id).await?;

    node.start().await?;
    let info = node.json(&["cluster", "info"]).await?;
    assert_eq!(info["status"]["code"], "v", "at its first answer: {info}");
    let reason = info["status"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("ksctl cluster delete"), "{info}");
    let refused = node
        .rest()
        .await?
        .post("vault/keys2", &serde_json::json!({"name": "x"}))
        .await?;
    assert_eq!(refused.status, reqwest::StatusCode::CONFLICT, "{refused:?}");

    node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
    cluster.join(node).await?;
    assert_ne!(cluster.nodes[1].id().await?, id);
    cluster.wait_until_equal().await
}

#[tokio::test]
async fn with_two_of_three_down_keys_are_made_and_members_are_not_changed() -> Result<()> {
    let mut cluster = Cluster::new(3).await?;
    let newcomer = cluster.lab.single().await?;
    let id = cluster.nodes[2].id().await?;
    for node in &mut cluster.nodes[1..] {
        node.kill_everything().await?;
    }
    let member = cluster.first();
    member
        .json(&["keys", "create", "--name", "alone", "--ack", "local"])
        .await?;
    let refused = delete(member, &id).await?;
    ensure!(refused.stderr.contains("consensus is down"), "{refused:?}");
    until("no majority is heard of", PATIENCE, async || {
        Ok(member.json(&["cluster", "info"]).await?["raftStatus"] == "down")
    })
    .await?;
    let csr = newcomer
        .rest()
        .await?
        .post("cluster/csr", &serde_json::json!({}))
        .await?
        .good()?;
    let sign = serde_json::json!({"csr": csr["csr"], "newNodeHost": newcomer.address.to_string()});
    let refused = member.rest().await?.post("nodes", &sign).await?;
    assert_eq!(refused.status, reqwest::StatusCode::SERVICE_UNAVAILABLE);
    ensure!(refused.refusal()?.contains("consensus is down"), "{refused:?}");

    member
        .ksctl(&["cluster", "nodes", "delete", "--id", &id, "--force", "-y"])
        .await?
        .text()?;
    let alarms = [
        "alarms",
        "list",
        "--name",
        "Cluster Node Removed By Force",
        "--state",
        "on",
    ];
    until("the removal by force is an alarm", PATIENCE, async || {
        Ok(member.json(&alarms).await?["resources"][0]["subject"] == id.as_str())
    })
    .await?;
    let logged = member.logged();
    ensure!(
        logged.contains("a node is removed by force") && logged.contains("account="),
        "no audit"
    );
    Ok(())
}

#[tokio::test]
async fn removals_at_once_come_one_after_another() -> Result<()> {
    let mut cluster = Cluster::new(3).await?;
    let third = cluster.nodes.pop().context("the third node")?;
    let [one, two] = cluster.nodes.as_slice() else {
        anyhow::bail!("not two nodes")
    };
    let (first_id, second_id, third_id) = (one.id().await?, two.id().await?, third.id().await?);
    let (said, also) = tokio::join!(delete(one, &third_id), delete(two, &third_id));
    let (said, also) = (said?, also?);
    let done = [&said, &also].into_iter().filter(|said| said.code == Some(0)).count();
    assert!(done >= 1, "{said:?} {also:?}");
    for member in [one, two] {
        nothing_is_left(member, &third_id).await?;
    }

    // The two that are left remove each other: one is faster, or both are told to try again; never do both succeed.
    let (said, also) = tokio::join!(delete(one, &second_id), delete(two, &first_id));
    let (said, also) = (said?, also?);
    ensure!(
        said.code != Some(0) || also.code != Some(0),
        "both are gone: {said:?} {also:?}"
    );
    for refused in [said, also].iter().filter(|said| said.code != Some(0)) {
        let told = ["consensus is down", "removed from its cluster", "not in a cluster"];
        ensure!(told.iter().any(|text| refused.stderr.contains(text)), "{refused:?}");
    }
    Ok(())
}

/// Whoever began the removal dies; any other member finishes it.
async fn a_removal_cut_off_at(point: &str) -> Result<()> {
    let mut cluster = Cluster::new(3).await?;
    let id = cluster.nodes[2].id().await?;
    let asked = &mut cluster.nodes[0];
    asked.stop().await?;
    asked.start_with(&format!("{point}=return")).await?;
    delete(asked, &id).await.ok();
    let ended = asked.wait_until_it_ends().await?;
    ensure!(
        ended.signal() == Some(Signal::SIGKILL as i32),
        "not killed at {point}: {ended}"
    );

    let finisher = &cluster.nodes[1];
    until("another member finishes the removal", PATIENCE, async || {
        let said = delete(finisher, &id).await?;
        // When it was carried out already there is nobody to remove any more.
        ensure!(said.code == Some(0) || said.stderr.contains("no node"), "{said:?}");
        Ok(true)
    })
    .await?;
    cluster.nodes[0].start().await?;
    let node = cluster.nodes.pop().context("the third node")?;
    for member in &cluster.nodes {
        nothing_is_left(member, &id).await?;
    }
    node.wait_until_removed().await?;
    node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
    cluster.wait_until_linked().await
}

#[tokio::test]
#[ignore = "waits until the lease of a dead node has lapsed, as the one below"]
async fn a_removal_cut_off_before_its_first_write_is_finished_by_another_member() -> Result<()> {
    a_removal_cut_off_at("removal::leased").await
}

#[tokio::test]
async fn a_removal_cut_off_half_way_is_finished_by_another_member() -> Result<()> {
    a_removal_cut_off_at("removal::removing").await
}

#[tokio::test]
async fn a_removal_cut_off_at_its_end_is_finished_by_another_member() -> Result<()> {
    a_removal_cut_off_at("removal::removed").await
}
