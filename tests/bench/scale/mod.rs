//! How everything grows with the number of nodes: `make scale` builds a cluster node by node and looks at it at some sizes.
//!
//! Decides at which sizes, and in which order things are looked at. At the end one more node asks to join and is refused.
//! The result is `docs/scale.md` and its plot. `NODES` in the environment ends it earlier: then both go to `target/tmp`.

mod death;
mod look;
mod page;
mod plot;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use keystead::member::MAX_NODES;
use tokio::time::Instant;

use crate::harness::cluster::{Lab, fulljoin};
use crate::harness::node::{PASSWORD, PATIENCE};
use crate::harness::rest::Rest;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::{machine, say};
use death::Death;
use look::{Idle, Memory, Summary};

/// Sizes that are looked at; so is the last one.
const SIZES: [usize; 7] = [2, 3, 5, 8, 12, 16, 20];

/// Where the result of a whole run goes.
const WHOLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");

/// Where it goes while it is not whole.
const PARTS: &str = env!("CARGO_TARGET_TMPDIR");

/// What was seen at one size.
#[derive(Debug)]
struct Step {
    nodes: usize,
    /// Seconds of the last node's join.
    join: f64,
    /// Seconds more until every node found every node ready.
    settled: f64,
    memory: Memory,
    slots: u32,
    subscriptions: u32,
    idle: Idle,
    summary: Summary,
    killed: Death,
    frozen: Death,
}

impl Step {
    #[expect(clippy::cast_precision_loss, reason = "there are at most twenty")]
    fn count(&self) -> f64 {
        self.nodes as f64
    }
}

/// What the node that was one too many was told.
#[derive(Debug)]
struct Refusal {
    text: String,
    seconds: f64,
}

/// Measures at every size up to the one in `NODES`, all of them if absent, and writes what came out.
pub(crate) async fn run() -> Result<()> {
    let most = match std::env::var("NODES") {
        Ok(text) => text.parse().context("NODES is not a number")?,
        Err(_) => MAX_NODES,
    };
    ensure!((2..=MAX_NODES).contains(&most), "NODES is to be from 2 to {MAX_NODES}");
    let mut cluster = of_at_most(most).await?;
    let version = cluster.first().query("show server_version").await?;
    let machine = machine::described(&version)?;
    let mut steps = Vec::new();
    while cluster.nodes.len() < most {
        let (join, settled) = grow(&mut cluster).await?;
        let nodes = cluster.nodes.len();
        say(&format!("{nodes} nodes, joined in {join:.1} s"));
        if SIZES.contains(&nodes) || nodes == most {
            steps.push(look_at(&mut cluster, join, settled).await?);
            // What was seen up to now stays when the rest fails.
            write(Path::new(PARTS), &machine, &steps, None)?;
        }
    }
    let refusal = one_too_many(&mut cluster).await?;
    let folder = if most == MAX_NODES { WHOLE } else { PARTS };
    write(Path::new(folder), &machine, &steps, Some(&refusal))
}

/// A cluster of one node that takes so many in.
async fn of_at_most(most: usize) -> Result<Cluster> {
    let mut lab = Lab::new()?;
    let mut first = lab.node()?;
    first.configure(&format!("[cluster]\nmax_nodes = {most}"))?;
    first.start_new("").await?;
    let host = first.address.to_string();
    first.json(&["cluster", "new", "--host", &host]).await?;
    Ok(Cluster {
        nodes: vec![first],
        lab,
    })
}

fn write(folder: &Path, machine: &str, steps: &[Step], refusal: Option<&Refusal>) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("scale.svg"), plot::of(steps))?;
    fs::write(folder.join("scale.md"), page::text(machine, steps, refusal))?;
    say(&format!("written: {}", folder.join("scale.md").display()));
    Ok(())
}

/// Joins one more node; seconds of the join, and seconds until all find all ready after it.
async fn grow(cluster: &mut Cluster) -> Result<(f64, f64)> {
    let node = cluster.lab.single().await?;
    let begin = Instant::now();
    let answer = fulljoin(cluster.first(), &node, true).await?;
    ensure!(answer["status"]["code"] == "r", "the join ended with {answer}");
    let join = begin.elapsed().as_secs_f64();
    cluster.nodes.push(node);
    let begin = Instant::now();
    wait_until_ready(&clients(&cluster.nodes).await?).await?;
    Ok((join, begin.elapsed().as_secs_f64()))
}

async fn look_at(cluster: &mut Cluster, join: f64, settled: f64) -> Result<Step> {
    let summary = look::summary(cluster).await?;
    let idle = look::idle(cluster).await?;
    let memory = look::memory(&cluster.nodes)?;
    let (slots, subscriptions) = look::links(&cluster.nodes).await?;
    let frozen = death::frozen(cluster).await?;
    let killed = death::killed(cluster).await?;
    Ok(Step {
        nodes: cluster.nodes.len(),
        join,
        settled,
        memory,
        slots,
        subscriptions,
        idle,
        summary,
        killed,
        frozen,
    })
}

/// A client of each node, logged in.
async fn clients(nodes: &[Node]) -> Result<Vec<Rest>> {
    let mut clients = Vec::new();
    for node in nodes {
        clients.push(node.rest().await?);
    }
    Ok(clients)
}

/// Waits until each of these nodes finds every node of the cluster ready.
async fn wait_until_ready(clients: &[Rest]) -> Result<()> {
    for client in clients {
        until("a node finds every node ready", PATIENCE * 2, async || {
            let nodes = client.get("nodes?limit=256").await?.good()?;
            let all = nodes["resources"].as_array().context("no list of nodes")?;
            let ready = all.iter().filter(|node| node["status"]["code"] == "r").count();
            ensure!(
                ready == all.len() && ready >= clients.len(),
                "{ready} of {}: {nodes}",
                all.len()
            );
            Ok(true)
        })
        .await?;
    }
    Ok(())
}

/// A node with a key of its own asks to join a full cluster. It has to be refused with nothing signed, recorded or wiped.
async fn one_too_many(cluster: &mut Cluster) -> Result<Refusal> {
    let Cluster { nodes, lab } = cluster;
    let one_more = alone_with_a_key(lab).await?;
    let before = recorded(nodes).await?;
    let begin = Instant::now();
    let host = one_more.address.to_string();
    let member = nodes[0].address.to_string();
    let said = nodes[0]
        .ksctl(&[
            "cluster",
            "fulljoin",
            "--member",
            &member,
            "--newnodehost",
            &host,
            "--newnodeurl",
            &one_more.url(),
            "--newnodeuser",
            "admin",
            "--newnodepass",
            PASSWORD,
            "-y",
            "--block",
        ])
        .await?;
    let seconds = begin.elapsed().as_secs_f64();
    ensure!(said.code != Some(0), "one too many was let in: {}", said.stdout);
    ensure!(said.stderr.contains("the cluster is full"), "{}", said.stderr);
    ensure!(
        recorded(nodes).await? == before,
        "a node that was refused has left something on a member"
    );
    let keys = one_more.query("select string_agg(name, ' ') from live.key").await?;
    ensure!(keys == "its-own", "a node that was refused has lost its keys: {keys}");
    let info = one_more.json(&["cluster", "info"]).await?;
    ensure!(info["status"]["code"] == "none", "{info}");
    Ok(Refusal {
        text: said.stderr.trim().to_owned(),
        seconds,
    })
}

async fn alone_with_a_key(lab: &mut Lab) -> Result<Node> {
    let node = lab.single().await?;
    node.json(&["keys", "create", "--name", "its-own"]).await?;
    Ok(node)
}

/// How many nodes each member has recorded and how many certificates it has signed.
async fn recorded(nodes: &[Node]) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for node in nodes {
        let local = node.db(sql::database::LOCAL).await?;
        let signed: String = local.query_one("select count(*)::text from ticket", &[]).await?.get(0);
        all.push((node.query("select count(*)::text from public.node").await?, signed));
    }
    Ok(all)
}
