//! What waiting for a peer costs: the time of a commit that waits for one, against one that does not; and what it costs
//! a subscriber to confirm each transaction at once.

use anyhow::Result;
use tokio::time::Instant;

use crate::drain;
use crate::figures::{median, median_ratio, percentile};
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::report::{Figure, Section};
use crate::servers::{Servers, Table};

const ROUNDS: usize = 5;
const COMMITS: usize = 200;
const DRAINS: usize = 3;

/// What a writer and the subscriber do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Nobody waits.
    Local,
    /// The writer waits, the subscriber confirms when it happens to be on disk.
    Lazily,
    /// The writer waits, the subscriber confirms at once: as between members.
    AtOnce,
}

const MODES: [Mode; 3] = [Mode::Local, Mode::Lazily, Mode::AtOnce];

pub(crate) async fn measure(servers: &Servers) -> Result<Section> {
    servers.let_writers_wait_for(Table::Enlisted).await?;
    let mut times = [const { Vec::new() }; MODES.len()];
    for _ in 0..ROUNDS {
        for (mode, times) in MODES.into_iter().zip(&mut times) {
            prepare(servers, mode).await?;
            for _ in 0..COMMITS {
                times.push(commit(servers, mode).await?);
            }
        }
    }
    let (mut lazily, mut at_once) = (Vec::new(), Vec::new());
    for _ in 0..DRAINS {
        for (mode, rates) in [(Mode::Lazily, &mut lazily), (Mode::AtOnce, &mut at_once)] {
            set_subscriber(servers, mode).await?;
            rates.push(drain::rate(servers, Table::Enlisted).await?);
        }
    }
    set_subscriber(servers, Mode::Lazily).await?;
    Ok(section(&times, &lazily, &at_once))
}

fn section(times: &[Vec<f64>; 3], lazily: &[f64], at_once: &[f64]) -> Section {
    let [local, lazy, prompt] = times;
    let line = |what: &str, times: &[f64]| {
        let milliseconds = |percent| format!("{:.2}", percentile(times, percent) * 1e3);
        vec![what.to_owned(), milliseconds(50), milliseconds(99)]
    };
    let rate = |what: &str, rates: &[f64]| vec![what.to_owned(), format!("{:.0} rows/s", median(rates)), String::new()];
    let of_local = |percent| percentile(prompt, percent) / percentile(local, percent);
    Section {
        title: "Acknowledgement by a peer",
        how: format!(
            "One client commits single rows, {ROUNDS} rounds of {COMMITS} in each way in turn: without waiting (`local`), and \
             waiting for the other server (`any-1`), whose subscription confirms lazily (`synchronous_commit = off`) or with \
             each transaction (`local`), as between members. Then a backlog as above is drained in both ways, {DRAINS} times."
        ),
        figures: vec![
            Figure::new("time of a commit with `any-1`, median, of `local`", of_local(50), None),
            Figure::new(
                "time of a commit with `any-1`, 99th percentile, of `local`",
                of_local(99),
                None,
            ),
            Figure::new(
                "draining a backlog while confirming at once, of lazily",
                median_ratio(at_once, lazily),
                None,
            ),
        ],
        table: vec![
            vec![String::new(), "median, ms".to_owned(), "99th percentile, ms".to_owned()],
            line("`local`", local),
            line("`any-1`, confirmed lazily", lazy),
            line("`any-1`, confirmed at once", prompt),
            rate("draining, confirmed lazily", lazily),
            rate("draining, confirmed at once", at_once),
        ],
    }
}

async fn prepare(servers: &Servers, mode: Mode) -> Result<()> {
    set_subscriber(servers, mode).await?;
    // Connected, and counted by the origin.
    until("the subscriber is there to wait for", PATIENCE, async || {
        let there = "select count(*) from pg_stat_get_wal_senders() where state = 'streaming' and sync_priority > 0";
        Ok(servers.origin.query_one(there, &[]).await?.get::<_, i64>(0) == 1)
    })
    .await
}

async fn set_subscriber(servers: &Servers, mode: Mode) -> Result<()> {
    let commit = if mode == Mode::AtOnce { "local" } else { "off" };
    let set = format!("alter subscription enlisted set (synchronous_commit = {commit})");
    servers.subscriber.batch_execute(&set).await?;
    servers.settle().await
}

/// Seconds of one commit.
async fn commit(servers: &Servers, mode: Mode) -> Result<f64> {
    let wait = if mode == Mode::Local {
        "null::void"
    } else {
        "replication.wait_for_peers(1)"
    };
    let insert = format!("insert into public.enlisted {} returning {wait}", Table::row());
    let insert = servers.origin.prepare_cached(&insert).await?;
    let begin = Instant::now();
    servers.origin.query_one(&insert, &[]).await?;
    Ok(begin.elapsed().as_secs_f64())
}
