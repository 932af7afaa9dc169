//! Large and many: one transaction of a million rows, and a thousand small ones a second, beside the writes of others.
//!
//! Slow, so they run under `make test-slow`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::unistd::Pid;

use crate::harness::processes::family;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::load::Load;

/// What a slow machine needs for a million rows on three nodes.
const PATIENCE: Duration = Duration::from_mins(10);

/// What no process may take: shared buffers and a multiple of the memory for decoding (64 MB) and sorting.
const MOST_BYTES: u64 = 400 << 20;

const MILLION: &str = "insert into public.key (id, name, state, algorithm, size, usage_mask, description, unexportable,
    undeletable, fingerprint, material_version, epoch, wrapped)
    select md5(n::text) || md5((-n)::text), 'big-' || n, 'Active', 'AES', 256, 12, '', false, false, md5(n::text), 0, 1,
           decode(md5(n::text), 'hex')
    from generate_series(1, 1000000) n";

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_transaction_of_a_million_rows_arrives_while_others_write() -> Result<()> {
    let cluster = Cluster::new(3).await?;
    // The peers have much to do at once; nobody shall wait for them here.
    cluster
        .first()
        .json(&["cluster", "ack", "set", "--ack", "local"])
        .await?;
    let mut load = Load::start(&cluster.nodes[1..]).await?;
    load.go_on_steadily();
    cluster
        .first()
        .db(sql::database::CLUSTER)
        .await?
        .batch_execute(MILLION)
        .await?;
    let mut most = 0;
    until("the rows are on every node", PATIENCE, async || {
        for node in &cluster.nodes {
            most = most.max(largest(node)?);
        }
        let mut counts = Vec::new();
        for node in &cluster.nodes {
            counts.push(
                node.query("select count(*)::text from public.key where name like 'big-%'")
                    .await?,
            );
        }
        // All or nothing of a transaction is seen.
        ensure!(
            counts.iter().all(|count| count == "0" || count == "1000000"),
            "{counts:?}"
        );
        Ok(counts.iter().all(|count| count == "1000000"))
    })
    .await?;
    ensure!(most < MOST_BYTES, "a process took {} MB", most >> 20);
    load.wait_for(100).await?;
    ensure!(!load.stop().await?.is_empty(), "nobody wrote meanwhile");
    cluster.wait_until_equal().await?;
    outboxes_are_small(&cluster).await
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_thousand_small_transactions_a_second_leave_outboxes_small() -> Result<()> {
    let cluster = Cluster::new(3).await?;
    cluster
        .first()
        .json(&["cluster", "ack", "set", "--ack", "local"])
        .await?;
    let db = cluster.first().db(sql::database::CLUSTER).await?;
    // Each row is a transaction of its own; a second has a thousand.
    let burst = "do $$ begin for n in 1..1000 loop
                     insert into public.cluster_property values (gen_random_uuid()::text, repeat('x', 200)); commit;
                 end loop; end $$";
    for _ in 0..120 {
        let begin = tokio::time::Instant::now();
        db.batch_execute(burst).await?;
        // Not waiting for anything: this is the pace.
        tokio::time::sleep_until(begin + Duration::from_secs(1)).await;
    }
    let mut most = 0;
    for node in &cluster.nodes {
        most = most.max(largest(node)?);
    }
    ensure!(most < MOST_BYTES, "a process took {} MB", most >> 20);
    outboxes_are_small(&cluster).await?;
    cluster.wait_until_equal().await
}

/// What the largest process of a node's PostgreSQL has in memory, its share of what is shared included.
pub(crate) fn largest(node: &Node) -> Result<u64> {
    let sizes = family(node.postmaster()?).into_iter().filter_map(resident);
    sizes.max().context("no process of PostgreSQL")
}

/// Bytes; nothing when it has just ended.
fn resident(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes << 10)
}

/// Nothing is kept in them for longer than a few seconds.
async fn outboxes_are_small(cluster: &Cluster) -> Result<()> {
    let size = "select coalesce(max(pg_relation_size(outbox::regclass)), 0)::text from replication.enlisted";
    until("the outboxes are small", Duration::from_mins(1), async || {
        for node in &cluster.nodes {
            let bytes: u64 = node.query(size).await?.parse()?;
            ensure!(bytes <= 32 << 20, "{} has an outbox of {bytes} bytes", node.address);
        }
        Ok(true)
    })
    .await
}
