//! A join that is cut off: in each stage, before its work and after it, by the death of the agent or of everything.

use std::os::unix::process::ExitStatusExt as _;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;

use crate::harness::cluster::fulljoin;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// What dies.
#[derive(Clone, Copy, PartialEq)]
enum Death {
    /// The agent; PostgreSQL goes on.
    Agent,
    /// The agent and PostgreSQL.
    Everything,
}

/// Kills a joining node at `point`, lets the cluster go on, starts the node again: it must finish by itself.
async fn a_join_cut_off_at(point: &str, death: Death) -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    cluster.first().json(&["keys", "create", "--name", "before"]).await?;
    let mut node = dies_joining(&mut cluster, point).await?;
    if death == Death::Everything {
        node.kill_rest();
    }
    // The node may have said already that it is ready, and is not there to have it.
    let meanwhile = ["keys", "create", "--name", "meanwhile", "--ack", "local"];
    cluster.first().json(&meanwhile).await?;

    node.start().await?;
    node.wait_until_ready().await?;
    node.json(&["keys", "create", "--name", "after"]).await?;
    cluster.nodes.push(node);
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    for node in &cluster.nodes {
        for name in ["before", "meanwhile", "after"] {
            node.json(&["keys", "get", "--name", name])
                .await
                .with_context(|| format!("on {}", node.address))?;
        }
    }
    nothing_is_left(&cluster.nodes).await
}

/// A node that began to join the cluster and died at `point`.
async fn dies_joining(cluster: &mut Cluster, point: &str) -> Result<Node> {
    let mut node = cluster.lab.node()?;
    node.start_new(&format!("{point}=return")).await?;
    // The node may die before it has answered.
    fulljoin(cluster.first(), &node, false).await.ok();
    let ended = node.wait_until_it_ends().await?;
    ensure!(
        ended.signal() == Some(Signal::SIGKILL as i32),
        "the agent was not killed at {point}: {ended}"
    );
    Ok(node)
}

/// Exactly the links of two nodes, no ledger, no key of a request, no question without an answer.
async fn nothing_is_left(nodes: &[Node]) -> Result<()> {
    for (node, (to, from)) in nodes.iter().zip([("1_to_2", "2_to_1"), ("2_to_1", "1_to_2")]) {
        let links = node.links().await?;
        let expected = format!("slot keystead_{to} subscription keystead_{from}");
        ensure!(
            links.starts_with("role peer_") && links.ends_with(&expected),
            "{}: {links}",
            node.address
        );
        assert_eq!(links.matches("role").count(), 1, "{links}");
        assert_eq!(node.query("select count(*)::text from replication.call").await?, "0");
        for name in ["join.json", "pending/node.key", "pg.new"] {
            assert!(!node.data().join(name).exists(), "{name} is left on {}", node.address);
        }
    }
    Ok(())
}

macro_rules! cut_off {
    ($($name:ident: $point:literal, $death:ident;)*) => {
        $(#[tokio::test]
        async fn $name() -> Result<()> {
            a_join_cut_off_at($point, Death::$death).await
        })*
    };
}

cut_off! {
    a_join_goes_on_after_a_crash_before_creating: "join::creating", Agent;
    a_join_goes_on_after_a_crash_after_creating: "join::creating::after", Everything;
    a_join_goes_on_after_a_crash_before_bootstrapping: "join::bootstrapping", Everything;
    a_join_goes_on_after_a_crash_in_the_midst_of_the_wipe: "join::wiped", Agent;
    a_join_goes_on_after_a_crash_after_bootstrapping: "join::bootstrapping::after", Agent;
    a_join_goes_on_after_a_crash_before_initial_sync: "join::initial_sync", Agent;
    a_join_goes_on_after_a_crash_after_initial_sync: "join::initial_sync::after", Everything;
    a_join_goes_on_after_a_crash_before_catching_up: "join::catching_up", Everything;
    a_join_goes_on_after_a_crash_after_catching_up: "join::catching_up::after", Agent;
    a_join_goes_on_after_a_crash_before_completing: "join::completing", Agent;
    a_join_goes_on_after_a_crash_after_completing: "join::completing::after", Everything;
}

#[tokio::test]
async fn a_node_that_is_removed_while_it_joins_is_rolled_back() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let mut node = dies_joining(&mut cluster, "join::initial_sync").await?;
    let list = cluster.first().json(&["cluster", "nodes", "list"]).await?;
    let all = list["resources"].as_array().cloned().unwrap_or_default();
    let joining = all
        .iter()
        .find(|one| one["isThisNode"] == false)
        .context("the joining node is not listed")?;
    let id = joining["nodeID"].as_str().unwrap_or_default();
    cluster
        .first()
        .ksctl(&["cluster", "nodes", "delete", "--id", id, "-y"])
        .await?
        .text()?;
    until("nothing of the node is left on the member", PATIENCE, async || {
        Ok(cluster.first().links().await?.is_empty())
    })
    .await?;

    node.start().await?;
    until("the join has failed", PATIENCE, async || {
        Ok(node.json(&["cluster", "info"]).await?["status"]["code"] == "k")
    })
    .await?;
    node.ksctl(&["cluster", "delete", "-y"]).await?.text()?;
    assert_eq!(node.json(&["cluster", "info"]).await?["status"]["code"], "none");
    assert_eq!(node.links().await?, "");

    cluster.join(node).await
}

#[tokio::test]
async fn a_slot_that_was_lost_while_a_node_joins_is_made_anew() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let mut node = dies_joining(&mut cluster, "join::catching_up").await?;
    cluster.first().json(&["keys", "create", "--name", "meanwhile"]).await?;
    let drop = "select pg_drop_replication_slot('keystead_1_to_2')::text";
    cluster.first().query(drop).await?;

    node.start().await?;
    node.wait_until_ready().await?;
    cluster.nodes.push(node);
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    cluster.nodes[1].json(&["keys", "get", "--name", "meanwhile"]).await?;
    Ok(())
}

#[tokio::test]
async fn what_a_joining_node_keeps_for_a_member_is_made_anew_when_it_was_dropped() -> Result<()> {
    completes_without_what_it_kept("select pg_drop_replication_slot('keystead_2_to_1')", "gone").await
}

#[tokio::test]
async fn what_a_joining_node_keeps_for_a_member_is_made_anew_when_it_was_given_up() -> Result<()> {
    completes_without_what_it_kept(GIVE_UP, "lost").await
}

/// Writes more than is kept for a member that does not fetch it.
const GIVE_UP: &str = "alter system set max_slot_wal_keep_size = '1MB';
    select pg_reload_conf();
    select pg_switch_wal() from (select pg_logical_emit_message(true, 'test', 'fills a file')) one;
    select pg_switch_wal() from (select pg_logical_emit_message(true, 'test', 'fills a file')) two;
    select pg_switch_wal() from (select pg_logical_emit_message(true, 'test', 'fills a file')) three;
    checkpoint;
    alter system reset max_slot_wal_keep_size;
    select pg_reload_conf()";

/// The slot for the member is lost so, after it was made and before the member has fetched anything from it.
async fn completes_without_what_it_kept(lost_by: &str, status: &str) -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    let mut node = dies_joining(&mut cluster, "join::completing").await?;
    let db = node.db(sql::database::CLUSTER).await?;
    for statement in lost_by.split(';') {
        db.batch_execute(statement).await?;
    }
    let slot = "select coalesce(max(wal_status), 'gone') from pg_replication_slots where slot_name = 'keystead_2_to_1'";
    assert_eq!(node.query(slot).await?, status, "the slot is not lost");

    node.start().await?;
    node.wait_until_ready().await?;
    cluster.nodes.push(node);
    cluster.wait_until_linked().await?;
    cluster.nodes[1]
        .json(&["keys", "create", "--name", "afterwards"])
        .await?;
    cluster.wait_until_equal().await
}
