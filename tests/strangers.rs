//! Strangers hold as many connections as they get: the node goes on writing, and behind the packet filter it does not even
//! notice.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::harness::cluster::Lab;
use crate::harness::hosts::{Host, Hosts, on_hosts};
use crate::harness::node::PATIENCE;
use crate::harness::rest::Rest;
use crate::harness::run::feed;
use crate::harness::strangers::{Source, Strangers};
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

const POSTGRES: u16 = 5432;
const REST: u16 = 8443;

/// So many strangers come at a time, until there is no place left.
const STEP: usize = 20;

/// What one source tries while the rules are there.
const FLOOD: usize = 5000;

/// Writes at once: each has a connection of its own.
const AT_ONCE: usize = 16;

/// What a write may take on a busy machine.
const SOON: Duration = Duration::from_secs(5);

/// So many keys at once. Each is written, and soon.
async fn write(rest: &Rest) -> Result<()> {
    let keys = (0..AT_ONCE).map(|_| async {
        let begun = Instant::now();
        rest.post("vault/keys2", &json!({})).await?.good()?;
        ensure!(begun.elapsed() < SOON, "a write took {:?}", begun.elapsed());
        Ok(())
    });
    try_join_all(keys).await.map(drop)
}

/// Without the packet filter. How many it took is on standard error, for `docs/security.md`.
#[tokio::test]
async fn while_strangers_hold_every_place_of_postgresql_the_node_goes_on_writing() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    let rest = node.rest().await?;
    let held = "select count(*)::text from pg_stat_activity where application_name = 'keysteadd'";
    until("the agent holds its connections", PATIENCE, async || {
        Ok(node.query(held).await?.parse::<usize>()? >= 28)
    })
    .await?;
    write(&rest).await?;

    let place = SocketAddr::from((node.address, POSTGRES));
    let source = Source::Address(lab.address(200));
    let mut strangers = Vec::new();
    until("PostgreSQL has no place left", PATIENCE, async || {
        strangers.push(Strangers::at(&source, place, STEP)?);
        let refused = node.query("select 'x'").await.err().map(|error| format!("{error:#}"));
        let refused = refused.context("a session more was taken")?;
        ensure!(refused.contains("too many clients"), "{refused}");
        Ok(true)
    })
    .await?;
    let taken = strangers.len() * STEP;
    writeln!(
        std::io::stderr(),
        "{taken} silent connections took every place of PostgreSQL"
    )?;
    // They are sent away after a while and come again: some more, so that there is no place in between.
    strangers.push(Strangers::at(&source, place, taken / 5)?);
    for _ in 0..5 {
        write(&rest).await?;
        assert!(node.query("select 'x'").await.is_err(), "there is a place again");
    }
    rest.get("vault/keys2").await?.good()?;

    drop(strangers);
    until("there is a place again", PATIENCE, async || {
        Ok(node.query("select 'x'").await? == "x")
    })
    .await
}

#[tokio::test]
async fn a_source_that_holds_connections_of_users_gets_its_share_and_others_are_served() -> Result<()> {
    let mut lab = Lab::new()?;
    let node = lab.single().await?;
    let place = SocketAddr::from((node.address, REST));
    let strangers = Strangers::at(&Source::Address(lab.address(200)), place, 100)?;
    until("the node says that it refuses some", PATIENCE, async || {
        Ok(node.logged().contains("connections of users were refused"))
    })
    .await?;
    for _ in 0..5 {
        timeout(SOON, node.rest()).await??;
    }
    until("no more than its share is held", PATIENCE, async || {
        let held = strangers.open();
        ensure!(held <= 64, "{held}, and a quarter of 256 may be in their handshake");
        Ok(held > 0)
    })
    .await
}

#[test]
fn behind_the_packet_filter_thousands_of_connections_of_one_source_cost_nothing() -> Result<()> {
    on_hosts(async |hosts| {
        let folder = tempfile::tempdir()?;
        let stranger = hosts.add(100, &folder.path().join("100"))?;
        let cluster = Cluster::with_hosts(hosts.clone(), 2).await?;
        let node = cluster.first();
        for one in &cluster.nodes {
            filter(node, &hosts, one.address, &[]).await?;
        }
        let rest = node.rest().await?;
        let from = Source::Host(stranger);
        let flood = |port| Strangers::at(&from, (node.address, port).into(), FLOOD);
        let (at_postgres, at_rest) = (flood(POSTGRES)?, flood(REST)?);
        until("strangers have what one source may have", PATIENCE, async || {
            Ok(at_postgres.open() > 0 && at_rest.open() > 0)
        })
        .await?;
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(8) {
            write(&rest).await?;
            ensure!(at_postgres.open() <= 64 && at_rest.open() <= 256, "more got through");
            assert_eq!(node.query("select 'x'").await?, "x");
        }
        a_member_links_anew_and_gets_everything(&cluster).await?;

        for one in &cluster.nodes {
            let members: Vec<Ipv4Addr> = cluster.nodes.iter().map(|node| node.address).collect();
            filter(node, &hosts, one.address, &members).await?;
        }
        until("no stranger is at PostgreSQL any more", PATIENCE, async || {
            Ok(at_postgres.open() == 0)
        })
        .await?;
        write(&rest).await?;
        a_member_links_anew_and_gets_everything(&cluster).await
    })
}

/// Has a node's host filter by what `ksctl deploy nftables` prints.
async fn filter(by: &Node, hosts: &Hosts, at: Ipv4Addr, members: &[Ipv4Addr]) -> Result<()> {
    let members: Vec<String> = members.iter().map(ToString::to_string).collect();
    let (members, port) = (members.join(","), REST.to_string());
    let mut command = vec!["deploy", "nftables", "--rest-port", &port];
    if !members.is_empty() {
        command.extend(["--members", &members]);
    }
    let rules = by.ksctl(&command).await?.text()?;
    let host: &Host = &*hosts.at(at)?;
    feed(host.enter("nft").args(["-f", "-"]), &rules)
}

/// The other member's links to the first are cut off, and it has to come in again as everybody.
async fn a_member_links_anew_and_gets_everything(cluster: &Cluster) -> Result<()> {
    let cut = "select count(pg_terminate_backend(pid))::text from pg_stat_replication";
    assert_ne!(cluster.first().query(cut).await?, "0");
    cluster.wait_until_equal().await?;
    cluster.wait_until_all_have_all().await
}
