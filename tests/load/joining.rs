//! A third node joins two that hold many keys and go on taking writes: nothing acknowledged may be missing anywhere.
//!
//! Measures on the way how fast the join copied, and how fast a plain `copy` of the same rows is on the same machine
//! under the same load.

use std::collections::HashSet;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use chrono::DateTime;
use tokio::process::Command;
use tokio::time::Instant;

use super::Load;
use crate::harness::postgres::program;
use crate::harness::{Cluster, Node};

/// What was seen.
#[derive(Debug)]
pub(crate) struct Joined {
    /// Keys acknowledged in all.
    pub(crate) acknowledged: usize,
    /// How keys were made before the join began.
    pub(crate) made: Pace,
    /// How a plain `copy` did, just before.
    pub(crate) plain: Pace,
    /// How the join copied its rows.
    pub(crate) copied: Pace,
    /// How keys were made while the third node joined.
    pub(crate) meanwhile: Pace,
}

/// So many rows in so long a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) rows: u64,
    pub(crate) seconds: f64,
}

/// Makes so many keys on two nodes as fast as they can, lets a third join while both go on steadily, then lets all three
/// go on for a while.
///
/// Fails when a node lacks a key that was acknowledged on any, or the digests of the nodes differ.
pub(crate) async fn join_while_writing(keys: u64) -> Result<Joined> {
    let mut cluster = Cluster::new(2).await?;
    let begin = Instant::now();
    let mut load = Load::start(&cluster.nodes).await?;
    load.wait_for(keys).await?;
    let made = pace(keys, begin);

    load.go_on_steadily();
    let third = cluster.lab.single().await?;
    // The join wipes the copy.
    let plain = plain_copy(cluster.first(), &third).await?;
    let (before, begin) = (load.made(), Instant::now());
    cluster.join(third).await?;
    let meanwhile = pace(load.made() - before, begin);
    load.add(&cluster.nodes[2]).await?;
    load.wait_for(keys / 20).await?;
    let acknowledged = load.stop().await?;

    cluster.wait_until_equal().await?;
    for node in &cluster.nodes {
        has_all(node, &acknowledged).await?;
    }
    Ok(Joined {
        acknowledged: acknowledged.len(),
        made,
        plain,
        copied: copied_by_join(&cluster.nodes[2].logged())?,
        meanwhile,
    })
}

fn pace(rows: u64, begin: Instant) -> Pace {
    Pace {
        rows,
        seconds: begin.elapsed().as_secs_f64(),
    }
}

/// Fails when the node lacks one of these keys.
pub(crate) async fn has_all(node: &Node, acknowledged: &[String]) -> Result<()> {
    let rows = node
        .db(sql::database::CLUSTER)
        .await?
        .query("select id from live.key", &[])
        .await?;
    let there: HashSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let missing: Vec<_> = acknowledged.iter().filter(|id| !there.contains(*id)).collect();
    ensure!(
        missing.is_empty(),
        "{} of {} keys are missing at {}, such as {:?}",
        missing.len(),
        acknowledged.len(),
        node.address,
        missing.first()
    );
    Ok(())
}

/// Said of each table when it is copied; the first one has few rows.
const COPIED: &str = "copied a table";

/// Reads from the joiner's log how many rows the initial sync copied, and how long it took from the first table on. Before
/// that it waits for the next heartbeat of each member.
fn copied_by_join(log: &str) -> Result<Pace> {
    let at = |what: &str| {
        let line = log.lines().find(|line| line.contains(what));
        let time = line.and_then(|line| line.split_whitespace().next());
        DateTime::parse_from_rfc3339(time.with_context(|| format!("the log does not tell of {what}"))?)
            .context("not a time")
    };
    let copied = log.lines().filter(|line| line.contains(COPIED));
    let rows = copied.filter_map(|line| line.rsplit_once("rows=")?.1.parse::<u64>().ok());
    let took = at("stage=catching_up ")? - at(COPIED)?;
    Ok(Pace {
        rows: rows.sum(),
        seconds: took.as_seconds_f64(),
    })
}

/// Pipes the keys of one node into a table of the same shape on another.
async fn plain_copy(from: &Node, to: &Node) -> Result<Pace> {
    let db = to.db(sql::database::CLUSTER).await?;
    db.batch_execute("create table public.plain_copy (like public.key including all)")
        .await?;
    let begin = Instant::now();
    let mut reader = psql(from, "copy (select * from public.key) to stdout (format binary)")?
        .stdout(Stdio::piped())
        .spawn()?;
    let pipe: Stdio = reader.stdout.take().context("no pipe")?.try_into()?;
    let writer = psql(to, "copy public.plain_copy from stdin (format binary)")?
        .stdin(pipe)
        .status();
    let (written, read) = tokio::try_join!(writer, reader.wait())?;
    let copied = pace(0, begin);
    ensure!(
        written.success() && read.success(),
        "psql ended with {read} and {written}"
    );
    let rows = db.query_one("select count(*) from public.plain_copy", &[]).await?;
    Ok(Pace {
        rows: rows.get::<_, i64>(0).unsigned_abs(),
        ..copied
    })
}

fn psql(node: &Node, command: &str) -> Result<Command> {
    let mut psql = program("psql")?;
    psql.args(["--no-psqlrc", "--quiet", "--username", "keystead"]);
    psql.args(["--dbname", sql::database::CLUSTER, "--command", command]);
    psql.arg("--host").arg(node.data().join("pg-run"));
    let mut psql = Command::from(psql);
    psql.kill_on_drop(true);
    Ok(psql)
}
