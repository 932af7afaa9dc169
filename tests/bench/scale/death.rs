//! How soon all others see that a node is gone, and how soon all is well when it is back.

use anyhow::{Context as _, Result, ensure};
use nix::errno::Errno;
use nix::sys::signal::kill;
use tokio::time::Instant;

use super::{clients, wait_until_ready};
use crate::harness::node::PATIENCE;
use crate::harness::rest::Rest;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// Seconds.
#[derive(Debug)]
pub(super) struct Death {
    /// Until the first other node showed it as down.
    pub(super) first: f64,
    /// Until the last one did.
    pub(super) last: f64,
    /// From its coming back until every node found every node ready.
    pub(super) back: f64,
}

/// The last node is killed whole, agent and PostgreSQL: its connections break.
pub(super) async fn killed(cluster: &mut Cluster) -> Result<Death> {
    let others = others(cluster).await?;
    let node = cluster.nodes.last_mut().context("no node")?;
    let postmaster = node.postmaster()?;
    let begin = Instant::now();
    node.kill_postgres()?;
    node.kill()?;
    let (first, last) = seen_by(&others, node, begin).await?;
    until("nothing of the node is left", PATIENCE, async || {
        Ok(kill(postmaster, None) == Err(Errno::ESRCH))
    })
    .await?;
    let begin = Instant::now();
    node.start().await?;
    back(cluster, begin, first, last).await
}

/// The last node is frozen, agent and PostgreSQL: its connections stay and bring nothing, as when a machine hangs.
pub(super) async fn frozen(cluster: &mut Cluster) -> Result<Death> {
    let others = others(cluster).await?;
    let node = cluster.nodes.last().context("no node")?;
    let begin = Instant::now();
    node.halt_agent()?;
    node.halt_postgres()?;
    let (first, last) = seen_by(&others, node, begin).await?;
    let begin = Instant::now();
    node.let_postgres_go_on()?;
    node.let_agent_go_on()?;
    back(cluster, begin, first, last).await
}

async fn others(cluster: &Cluster) -> Result<Vec<Rest>> {
    clients(&cluster.nodes[..cluster.nodes.len() - 1]).await
}

async fn back(cluster: &Cluster, begin: Instant, first: f64, last: f64) -> Result<Death> {
    wait_until_ready(&clients(&cluster.nodes).await?).await?;
    let back = begin.elapsed().as_secs_f64();
    Ok(Death { first, last, back })
}

/// Seconds until the first and until the last of these nodes shows that one as down.
async fn seen_by(others: &[Rest], dead: &Node, begin: Instant) -> Result<(f64, f64)> {
    let host = dead.address.to_string();
    let mut unaware: Vec<&Rest> = others.iter().collect();
    let mut first = None;
    until("every node shows a dead one as down", PATIENCE, async || {
        let mut left = Vec::new();
        for client in &unaware {
            if shows_down(client, &host).await? {
                first.get_or_insert_with(|| begin.elapsed().as_secs_f64());
            } else {
                left.push(*client);
            }
        }
        unaware = left;
        ensure!(unaware.is_empty(), "{} do not yet", unaware.len());
        Ok(true)
    })
    .await?;
    Ok((first.unwrap_or_default(), begin.elapsed().as_secs_f64()))
}

async fn shows_down(client: &Rest, host: &str) -> Result<bool> {
    let nodes = client.get("nodes?limit=256").await?.good()?;
    let all = nodes["resources"].as_array().context("no list of nodes")?;
    let node = all.iter().find(|node| node["host"] == host);
    Ok(node.context("the node is not listed")?["status"]["code"] == "d")
}
