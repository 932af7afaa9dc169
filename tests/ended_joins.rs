//! A join that its administrator ends, at every stage and on either side: nothing of it is left on any member, and the
//! node is alone and can join.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::access::Way;
use crate::harness::cluster::fulljoin;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// Who ends it.
#[derive(Clone, Copy, PartialEq)]
enum By {
    /// `cluster delete` on the joining node.
    Joiner,
    /// `cluster nodes delete` on a member, which is not the one that signed.
    Member,
}

/// Ends a join that stands still at `point`, then joins the same node.
async fn a_join_ended_at(point: &str, by: By) -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    cluster.first().json(&["keys", "create", "--name", "before"]).await?;
    let before = [cluster.nodes[0].links().await?, cluster.nodes[1].links().await?];
    let mut node = standing_still_at(&mut cluster, point).await?;
    let way = way_of(&node, cluster.first()).await?;
    end(&cluster, &node, by).await?;
    nothing_is_left(&cluster, &before, &way).await?;

    // Without fail points.
    node.stop().await?;
    node.start().await?;
    joins_after_all(&mut cluster, node, by).await
}

async fn joins_after_all(cluster: &mut Cluster, node: Node, by: By) -> Result<()> {
    let ended = if by == By::Member { "k" } else { "none" };
    until("the node knows that the join has ended", PATIENCE, async || {
        let status = node.json(&["cluster", "info"]).await?["status"].clone();
        ensure!(status["code"] == ended, "{status}");
        Ok(true)
    })
    .await?;
    cluster.join(node).await?;
    cluster.wait_until_equal().await?;
    cluster.nodes[2].json(&["keys", "get", "--name", "before"]).await?;
    Ok(())
}

/// A node that began to join through the first member and does not go on.
async fn standing_still_at(cluster: &mut Cluster, point: &str) -> Result<Node> {
    let mut node = cluster.lab.node()?;
    node.start_new(&format!("{point}::halt=return")).await?;
    fulljoin(cluster.first(), &node, false).await?;
    until(&format!("the join stands still at {point}"), PATIENCE, async || {
        Ok(node.logged().contains("halted by a fail point"))
    })
    .await?;
    Ok(node)
}

async fn end(cluster: &Cluster, node: &Node, by: By) -> Result<()> {
    let info = node.json(&["cluster", "info"]).await?;
    if by == By::Member {
        let id = info["nodeID"].as_str().unwrap_or_default();
        let delete = ["cluster", "nodes", "delete", "--id", id, "-y"];
        cluster.nodes[1].ksctl(&delete).await?.text()?;
        // It is told when it asks a member for something the next time, which a halted one never does.
        return Ok(());
    }
    node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
    assert_eq!(node.json(&["cluster", "info"]).await?["status"]["code"], "none");
    assert_eq!(node.links().await?, "");
    for name in ["join.json", "pg.new"] {
        assert!(!node.data().join(name).exists(), "{name} is left");
    }
    node.json(&["keys", "create", "--name", "alone"]).await?;
    Ok(())
}

/// A copy of the certificate of a joining node, and who it is with it.
async fn way_of(node: &Node, member: &Node) -> Result<Way> {
    let (tls, kept) = (node.data().join("tls"), node.data().with_extension("kept"));
    std::fs::create_dir_all(&kept)?;
    // Who may read them is to be as it is there.
    let same_owner = |of: &Path, to: &Path| -> Result<()> {
        let metadata = std::fs::metadata(of)?;
        Ok(chown(to, Some(metadata.uid()), Some(metadata.gid()))?)
    };
    same_owner(&tls, &kept)?;
    for name in ["node.crt", "node.key", "ca.crt"] {
        std::fs::copy(tls.join(name), kept.join(name))?;
        same_owner(&tls.join(name), &kept.join(name))?;
    }
    let info: Value = node.json(&["cluster", "info"]).await?;
    let id = info["nodeID"].as_str().context("a joining node has an id")?;
    Ok(Way {
        address: member.address.to_string(),
        database: "keystead".to_owned(),
        role: format!("peer_{id}"),
        certificate: kept.join("node.crt"),
        key: kept.join("node.key"),
        authority: kept.join("ca.crt"),
        more: "sslmode=verify-full",
    })
}

/// No slot, subscription, role, access line or question is left on any member, and the certificate is void on each.
async fn nothing_is_left(cluster: &Cluster, before: &[String; 2], way: &Way) -> Result<()> {
    for (member, before) in cluster.nodes.iter().zip(before) {
        until(
            &format!("{} has let go of the node", member.address),
            PATIENCE,
            async || {
                ensure!(member.links().await? == *before, "{}", member.links().await?);
                for name in ["pg_hba.conf", "pg_ident.conf"] {
                    let text = std::fs::read_to_string(member.data().join("pg").join(name))?;
                    ensure!(!text.contains(&way.role), "{name}: {text}");
                }
                let left = "select count(*)::text from live.node where state <> 'removed'";
                ensure!(member.query(left).await? == "2", "the node is still in the list");
                ensure!(
                    member.query("select count(*)::text from replication.call").await? == "0",
                    "a question is left"
                );
                let way = Way {
                    address: member.address.to_string(),
                    ..way.clone()
                };
                let said = way.attempt().await?;
                ensure!(
                    said.code != Some(0) && said.stderr.contains("certificate revoked"),
                    "the certificate is not void: {said:?}"
                );
                Ok(true)
            },
        )
        .await?;
    }
    cluster.wait_until_linked().await
}

macro_rules! ended {
    ($($name:ident: $point:literal, $by:ident;)*) => {
        $(#[tokio::test]
        async fn $name() -> Result<()> {
            a_join_ended_at($point, By::$by).await
        })*
    };
}

ended! {
    a_join_that_nobody_has_recorded_yet_is_ended_on_its_node: "join::creating", Joiner;
    a_join_is_ended_on_its_node_when_it_was_recorded: "join::creating::after", Joiner;
    a_join_is_ended_on_a_member_when_it_was_recorded: "join::creating::after", Member;
    a_join_is_ended_on_its_node_before_the_wipe: "join::bootstrapping", Joiner;
    a_join_is_ended_on_a_member_when_slots_were_made: "join::bootstrapping::after", Member;
    a_join_is_ended_on_its_node_before_the_copy: "join::initial_sync", Joiner;
    a_join_is_ended_on_its_node_after_the_copy: "join::initial_sync::after", Joiner;
    a_join_is_ended_on_a_member_before_it_catches_up: "join::catching_up", Member;
    a_join_is_ended_on_its_node_when_it_has_caught_up: "join::catching_up::after", Joiner;
    a_join_is_ended_on_its_node_before_it_completes: "join::completing", Joiner;
    a_join_is_ended_on_a_member_when_it_counts_as_ready: "join::completing::after", Member;
}

#[tokio::test]
async fn a_join_that_waits_for_its_turn_is_ended_and_those_behind_it_move_up() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let before = cluster.first().links().await?;
    let mut running = cluster.lab.node()?;
    running.start_new("join::bootstrapping::halt=return").await?;
    let waiting = [
        cluster.lab.single().await?,
        cluster.lab.single().await?,
        cluster.lab.single().await?,
    ];
    fulljoin(cluster.first(), &running, false).await?;
    for (node, place) in waiting.iter().zip(2..) {
        until("a place is taken", PATIENCE, async || {
            let info = node.json(&["cluster", "info"]).await?;
            if info["status"]["code"] == "none" {
                fulljoin(cluster.first(), node, false).await?;
            }
            Ok(info["progress"]["place"] == place)
        })
        .await?;
    }
    end(&cluster, &waiting[0], By::Joiner).await?;
    let id = waiting[1].json(&["cluster", "info"]).await?["nodeID"].clone();
    let delete = [
        "cluster",
        "nodes",
        "delete",
        "--id",
        id.as_str().unwrap_or_default(),
        "-y",
    ];
    cluster.first().ksctl(&delete).await?.text()?;
    until("the node that a member let go of says so", PATIENCE, async || {
        Ok(waiting[1].json(&["cluster", "info"]).await?["status"]["code"] == "k")
    })
    .await?;
    until("the last one moves up", PATIENCE, async || {
        Ok(waiting[2].json(&["cluster", "info"]).await?["progress"]["place"] == 2)
    })
    .await?;
    end(&cluster, &running, By::Joiner).await?;

    let [_, _, last] = waiting;
    last.wait_until_ready().await?;
    cluster.nodes.push(last);
    cluster.wait_until_linked().await?;
    let links = cluster.first().links().await?;
    assert!(before.is_empty() && links.matches("role").count() == 1, "{links}");
    Ok(())
}

#[tokio::test]
async fn a_join_is_ended_though_the_member_that_signed_is_down() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let before = [cluster.nodes[0].links().await?, cluster.nodes[1].links().await?];
    let node = standing_still_at(&mut cluster, "join::initial_sync").await?;
    let way = way_of(&node, cluster.first()).await?;
    cluster.nodes[0].kill_everything().await?;
    end(&cluster, &node, By::Joiner).await?;
    // It hears of it when it is back.
    cluster.nodes[0].start().await?;
    nothing_is_left(&cluster, &before, &way).await
}
