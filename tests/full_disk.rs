//! A joining node whose disk is full: the join ends and says so, the members let go of it, and it can join again when there
//! is room.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::harness::cluster::fulljoin;
use crate::harness::node::PATIENCE;
use crate::harness::volumes::{Volume, on_volumes};
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// What the disk of the joining node holds at first, in megabytes.
const SMALL: u64 = 600;

/// With this it can join.
const LARGE: u64 = 1500;

/// About 100 MB on the member.
const ROWS: &str = "insert into public.key (id, name, state, algorithm, size, usage_mask, description, unexportable,
    undeletable, fingerprint, material_version, epoch, wrapped)
    select md5(n::text) || md5((-n)::text), 'big-' || n, 'Active', 'AES', 256, 12, repeat('x', 900), false, false,
           md5(n::text), 0, 1, decode(md5(n::text), 'hex')
    from generate_series(1, 60000) n";

#[test]
fn a_join_that_fills_the_disk_ends_clearly_and_works_when_there_is_room() -> Result<()> {
    // The rows are more.
    a_join_with_so_much_room(24)
}

#[test]
#[ignore = "takes a minute; on a full disk PostgreSQL itself may not start"]
fn a_join_whose_disk_others_have_filled_ends_clearly_and_works_when_there_is_room() -> Result<()> {
    // What PostgreSQL writes meanwhile has to fit, too.
    a_join_with_so_much_room(2)
}

/// Joins when there are so many megabytes left for the copy, then again with enough.
fn a_join_with_so_much_room(left: u64) -> Result<()> {
    on_volumes(async || {
        let mut cluster = Cluster::new(2).await?;
        cluster
            .first()
            .json(&["cluster", "ack", "set", "--ack", "local"])
            .await?;
        cluster
            .first()
            .db(sql::database::CLUSTER)
            .await?
            .batch_execute(ROWS)
            .await?;
        cluster.wait_until_equal().await?;
        let links = [cluster.nodes[0].links().await?, cluster.nodes[1].links().await?];

        let mut node = cluster.lab.node()?;
        let volume = Volume::mount(&node.data(), SMALL)?;
        node.start_new("join::initial_sync::halt=return").await?;
        fulljoin(cluster.first(), &node, false).await?;
        until("the copy is about to begin", PATIENCE, async || {
            Ok(node.logged().contains("halted by a fail point"))
        })
        .await?;
        node.kill()?;
        volume.fill_but(left)?;
        node.start().await?;
        ends_for_want_of_space(&node).await?;
        for (member, links) in cluster.nodes.iter().zip(&links) {
            until("the members have let go of the node", PATIENCE, async || {
                let now = member.links().await?;
                ensure!(now == *links, "{now} is not {links}");
                Ok(true)
            })
            .await?;
        }
        node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;

        volume.free()?;
        volume.enlarge(LARGE)?;
        cluster.join(node).await?;
        cluster.wait_until_equal().await
    })
}

/// The join is killed, says why and what to do, and the node answers as before.
async fn ends_for_want_of_space(node: &Node) -> Result<()> {
    until("the join is over", Duration::from_mins(3), async || {
        let status = node.json(&["cluster", "info"]).await?["status"].clone();
        ensure!(status["code"] == "k", "{status}");
        let text = status.to_string();
        ensure!(
            text.contains("no space is left") && text.contains("add disk space"),
            "{text}"
        );
        Ok(true)
    })
    .await?;
    ensure!(!node.data().join("join.reserve").exists(), "the reserve is left");
    node.json(&["keys", "list"]).await.map(drop)
}
