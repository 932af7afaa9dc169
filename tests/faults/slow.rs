//! Links that are slow, lossy or thin: everything arrives, memory stays bounded, and what is said of the lag is true.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{make, node_id};
use crate::big::largest;
use crate::harness::Cluster;
use crate::harness::hosts::{Hosts, on_hosts};
use crate::harness::node::{Node, PATIENCE};
use crate::harness::wait::until;

async fn on_their_own(hosts: &Hosts, size: usize) -> Result<Cluster> {
    let cluster = Cluster::with_hosts(hosts.clone(), size).await?;
    cluster
        .first()
        .json(&["cluster", "ack", "set", "--ack", "local"])
        .await?;
    cluster.wait_until_equal().await?;
    Ok(cluster)
}

/// One way; half as much more or less from packet to packet.
const DELAY: Duration = Duration::from_millis(200);

#[test]
#[ignore = "takes minutes"]
fn over_a_slow_and_lossy_link_everything_arrives_and_the_lag_that_is_shown_is_there() -> Result<()> {
    on_hosts(async |hosts| {
        let cluster = on_their_own(&hosts, 3).await?;
        let [near, _, far] = &cluster.nodes[..] else {
            unreachable!("three nodes")
        };
        let slow = hosts.slow(far, DELAY)?;
        let (here, there) = (near.rest().await?, far.rest().await?);
        // Those that there were are not slow.
        hosts.reset(near, far)?;
        hosts.reset(&cluster.nodes[1], far)?;
        hosts.heal()?;

        let (mut most, mut made) = (Duration::ZERO, 0);
        until("the lag that is shown is that of the link", 2 * PATIENCE, async || {
            made += 1;
            make(&here, &format!("near-{made}")).await?;
            make(&there, &format!("far-{made}")).await?;
            most = most.max(shown_lag(near, far).await?);
            // There and back, at the least.
            ensure!(most >= DELAY, "{most:?} is shown");
            Ok(true)
        })
        .await?;
        ensure!(most < PATIENCE, "{most:?} is shown");
        hosts.cut(near, far)?;
        write_rows(near).await?;
        rows_on_their_way_are_shown(near, far).await?;
        hosts.heal_between(near, far)?;
        until("the rows have arrived", 4 * PATIENCE, async || {
            Ok(arrived(far).await? == ON_THEIR_WAY && shown_rows(near, far).await? == 0)
        })
        .await?;
        cluster.wait_until_all_have_all().await?;
        cluster.wait_until_equal().await?;
        drop(slow);
        cluster.wait_until_linked().await
    })
}

const ON_THEIR_WAY: i64 = 1000;

async fn write_rows(node: &Node) -> Result<()> {
    let rows = format!(
        "insert into public.cluster_property
         select 'on-its-way-' || n, repeat(md5(n::text), 6) from generate_series(1, {ON_THEIR_WAY}) n"
    );
    Ok(node.db(sql::database::CLUSTER).await?.batch_execute(&rows).await?)
}

/// While rows are on their way, they are what `viewer` says that `other` lacks, to the tenth.
async fn rows_on_their_way_are_shown(viewer: &Node, other: &Node) -> Result<()> {
    viewer.json(&["metrics", "prometheus", "enable"]).await?;
    until("the rows are counted", PATIENCE, async || {
        let shown = shown_rows(viewer, other).await?;
        ensure!(
            (ON_THEIR_WAY..=ON_THEIR_WAY * 11 / 10).contains(&shown),
            "{shown} are shown"
        );
        Ok(true)
    })
    .await?;
    ensure!(arrived(other).await? == 0, "they were not on their way");
    Ok(())
}

async fn arrived(node: &Node) -> Result<i64> {
    let rows = "select count(*)::text from live.cluster_property where name like 'on-its-way-%'";
    Ok(node.query(rows).await?.parse()?)
}

/// The rows of its own that `viewer` says `other` lacks.
async fn shown_rows(viewer: &Node, other: &Node) -> Result<i64> {
    let page = viewer.ksctl(&["metrics", "prometheus", "get"]).await?.text()?;
    let start = format!("keystead_lag_rows{{host=\"{}\"}} ", other.address);
    let shown = page.lines().find_map(|line| line.strip_prefix(start.as_str()));
    Ok(shown.with_context(|| page.clone())?.parse()?)
}

/// The time that `viewer` says `other` is behind in applying.
async fn shown_lag(viewer: &Node, other: &Node) -> Result<Duration> {
    let (viewers, others) = (node_id(viewer).await?, node_id(other).await?);
    let summary = viewer.json(&["cluster", "summary"]).await?;
    let info = &summary["resources"][&viewers]["clusterSummary"][&others]["nodeInfo"];
    let text = info["replayLag"].as_str().with_context(|| info.to_string())?;
    let mut seconds = 0.0;
    for part in text.split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>()?;
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Ten transactions of a thousand rows: about 4 MB on the wire.
const BACKLOG: &str = "
    do $$ begin for batch in 1..10 loop
        insert into public.cluster_property
        select batch || '-' || n || '-' || md5(n::text), repeat(md5(n::text), 6) from generate_series(1, 1000) n;
        commit;
    end loop; end $$";

/// What no process of PostgreSQL may take, what is shared included.
const MOST_BYTES: u64 = 256 << 20;

#[test]
#[ignore = "takes minutes"]
fn a_backlog_goes_through_a_thin_link_while_others_are_not_held_up() -> Result<()> {
    on_hosts(async |hosts| {
        let cluster = on_their_own(&hosts, 3).await?;
        let [near, other, far] = &cluster.nodes[..] else {
            unreachable!("three nodes")
        };
        hosts.thin(far, 1000)?;
        near.db(sql::database::CLUSTER).await?.batch_execute(BACKLOG).await?;
        let rows = "select count(*)::text from live.cluster_property where name like '%-%-%'";
        until("a node with a good link has all", PATIENCE, async || {
            Ok(other.query(rows).await? == "10000")
        })
        .await?;
        assert_ne!(far.query(rows).await?, "10000", "the link was not thin");

        let (mut seen, mut most) = (Vec::new(), 0);
        until("the backlog has gone through", 5 * PATIENCE, async || {
            let here: usize = far.query(rows).await?.parse()?;
            most = most.max(largest(near)?).max(largest(far)?);
            if seen.last() != Some(&here) {
                seen.push(here);
            }
            Ok(here == 10_000)
        })
        .await?;
        ensure!(seen.len() > 2 && seen.is_sorted(), "not bit by bit: {seen:?}");
        ensure!(most < MOST_BYTES, "a process took {} MB", most >> 20);
        hosts.thick(far)?;
        cluster.wait_until_linked().await?;
        cluster.wait_until_equal().await
    })
}
