//! What a cluster takes while nothing is asked of it, and what it costs to ask for the summary.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use keystead::replication::names::LINK_PREFIX;
use nix::unistd::{Pid, SysconfVar, sysconf};
use tokio::time::{Instant, sleep};

use crate::figures::percentile;
use crate::harness::cluster::summaries;
use crate::harness::processes::{all_in, family};
use crate::harness::{Cluster, Node};
use crate::machine::field;

/// How long a cluster that does nothing is watched.
const IDLE: Duration = Duration::from_secs(10);
const REQUESTS: usize = 50;

/// Megabytes, each page that is shared counted once.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) agents: f64,
    pub(super) largest_agent: f64,
    pub(super) postgres: f64,
    /// Processes of PostgreSQL.
    pub(super) processes: usize,
}

/// What a cluster does by itself in a second.
#[derive(Debug)]
pub(super) struct Idle {
    /// Of one thread of the machine.
    pub(super) cpu: f64,
    /// Kilobytes of WAL on a node.
    pub(super) wal: f64,
}

/// `GET /v1/cluster/summary`.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) median: f64,
    pub(super) most: f64,
    pub(super) kilobytes: f64,
}

/// The memory of all nodes.
pub(super) fn memory(nodes: &[Node]) -> Result<Memory> {
    let agents = nodes.iter().map(|node| Ok(shared_out(agent(node)?)));
    let agents = agents.collect::<Result<Vec<f64>>>()?;
    let servers = nodes.iter().map(postgres).collect::<Result<Vec<_>>>()?.concat();
    Ok(Memory {
        largest_agent: agents.iter().copied().fold(0.0, f64::max),
        agents: agents.iter().sum(),
        postgres: servers.iter().copied().map(shared_out).sum(),
        processes: servers.len(),
    })
}

fn agent(node: &Node) -> Result<Pid> {
    // Only the agent is started with the configuration file.
    let agent = all_in(&node.data().with_extension("toml"));
    agent.first().copied().context("the agent is gone")
}

fn postgres(node: &Node) -> Result<Vec<Pid>> {
    Ok(family(node.postmaster()?))
}

/// Megabytes of a process, with its share of what it shares. None when it has just ended.
fn shared_out(process: Pid) -> f64 {
    let text = field(&format!("/proc/{process}/smaps_rollup"), "Pss").unwrap_or_default();
    let kilobytes = text.split(' ').next().and_then(|text| text.parse::<u32>().ok());
    f64::from(kilobytes.unwrap_or_default()) * 1024.0 / 1e6
}

/// Slots and subscriptions of all nodes together.
pub(super) async fn links(nodes: &[Node]) -> Result<(u32, u32)> {
    let (mut slots, mut subscriptions) = (0, 0);
    for node in nodes {
        let count = |what: &str, name: &str| {
            format!("select count(*)::text from {what} where starts_with({name}, '{LINK_PREFIX}')")
        };
        slots += node
            .query(&count("pg_replication_slots", "slot_name"))
            .await?
            .parse::<u32>()?;
        // Subscriptions are of the whole server; one database has them.
        subscriptions += node.query(&count("pg_subscription", "subname")).await?.parse::<u32>()?;
    }
    Ok((slots, subscriptions))
}

/// Watches a cluster of which nothing is asked.
pub(super) async fn idle(cluster: &Cluster) -> Result<Idle> {
    let nodes = &cluster.nodes;
    let positions = positions(nodes).await?;
    let (work, begin) = (work(nodes)?, Instant::now());
    // Not waiting for anything: this is the time that is measured.
    sleep(IDLE).await;
    let worked = self::work(nodes)? - work;
    let seconds = begin.elapsed().as_secs_f64();
    let written = self::positions(nodes).await? - positions;
    let count = f64::from(u32::try_from(nodes.len())?);
    Ok(Idle {
        cpu: worked / seconds,
        wal: written / 1e3 / seconds / count,
    })
}

/// Seconds that a thread of the machine has worked for all nodes.
fn work(nodes: &[Node]) -> Result<f64> {
    let a_second = sysconf(SysconfVar::CLK_TCK)?.context("no length of a tick")?;
    let mut ticks = 0;
    for node in nodes {
        let all = postgres(node)?.into_iter().chain([agent(node)?]);
        ticks += all.map(ticks_of).sum::<u32>();
    }
    Ok(f64::from(ticks) / f64::from(u32::try_from(a_second)?))
}

/// Of the process itself and of its children that have ended.
fn ticks_of(process: Pid) -> u32 {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name may hold anything; what follows it does not.
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let times = after_name.split_whitespace().skip(11).take(4);
    times.filter_map(|time| time.parse::<u32>().ok()).sum()
}

/// Where the WAL of all nodes ends, in bytes, added up.
async fn positions(nodes: &[Node]) -> Result<f64> {
    let mut sum = 0.0;
    for node in nodes {
        let position = node
            .query("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text")
            .await?;
        sum += position.parse::<f64>()?;
    }
    Ok(sum)
}

/// Asks for the summary again and again; all must be good.
pub(super) async fn summary(cluster: &Cluster) -> Result<Summary> {
    cluster.wait_until_linked().await?;
    let rest = cluster.first().rest().await?;
    let (mut times, mut bytes) = (Vec::new(), 0);
    for _ in 0..REQUESTS {
        let begin = Instant::now();
        let answer = rest.get("cluster/summary").await?.good()?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
        let said = summaries(&answer);
        ensure!(said.len() == cluster.nodes.len().pow(2), "{} judgements", said.len());
        bytes = answer.to_string().len();
    }
    Ok(Summary {
        median: percentile(&times, 50),
        most: percentile(&times, 99),
        kilobytes: f64::from(u32::try_from(bytes)?) / 1e3,
    })
}
