//! A cluster of three nodes that has nothing to do: the memory of an agent, and how fast it answers.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::{Instant, sleep};

use crate::figures::percentile;
use crate::harness::{Cluster, Node, processes};
use crate::machine::field;
use crate::report::{Figure, Section, Wanted};

const IDLE: Duration = Duration::from_secs(30);
const REQUESTS: usize = 1000;

pub(crate) async fn measure() -> Result<Section> {
    let cluster = Cluster::new(3).await?;
    // Not waiting for anything: this is the time that is measured.
    sleep(IDLE).await;
    let memory = cluster.nodes.iter().map(memory).collect::<Result<Vec<f64>>>()?;
    let largest = memory.iter().copied().fold(0.0, f64::max);
    let answers = answers(cluster.first()).await?;
    let (half, most) = (percentile(&answers, 50) * 1e3, percentile(&answers, 99) * 1e3);
    Ok(Section {
        title: "An idle cluster",
        how: format!(
            "Three nodes, {} s after the last one has joined: the resident memory of the largest agent, without its \
             PostgreSQL. Then {REQUESTS} requests `GET /v1/cluster` to one node, one after the other over one connection.",
            IDLE.as_secs()
        ),
        figures: vec![
            Figure::new(
                "resident memory of an idle agent, MB",
                largest,
                Some(Wanted::AtMost(40.0)),
            ),
            Figure::new("`GET /v1/cluster`, median, ms", half, None),
            Figure::new("`GET /v1/cluster`, 99th percentile, ms", most, None),
        ],
        table: vec![
            vec!["node".to_owned(), "resident memory, MB".to_owned()],
            vec!["first".to_owned(), format!("{:.1}", memory[0])],
            vec!["second".to_owned(), format!("{:.1}", memory[1])],
            vec!["third".to_owned(), format!("{:.1}", memory[2])],
        ],
    })
}

/// Megabytes that the agent of a node has in memory.
fn memory(node: &Node) -> Result<f64> {
    // Only the agent is started with the configuration file.
    let agent = processes::all_in(&node.data().with_extension("toml"));
    let pid = agent.first().context("the agent is gone")?;
    let resident = field(&format!("/proc/{pid}/status"), "VmRSS");
    let kilobytes = resident.and_then(|text| text.split(' ').next()?.parse::<u32>().ok());
    Ok(f64::from(kilobytes.context("no VmRSS")?) * 1024.0 / 1e6)
}

/// Seconds that each request took.
async fn answers(node: &Node) -> Result<Vec<f64>> {
    let rest = node.rest().await?;
    let mut all = Vec::new();
    for _ in 0..REQUESTS {
        let begin = Instant::now();
        rest.get("cluster").await?.good()?;
        all.push(begin.elapsed().as_secs_f64());
    }
    Ok(all)
}
