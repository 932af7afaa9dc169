//! Certificates never stop a cluster: they are renewed while it works, and the authority is exchanged under it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use certs::Identity;
use serde_json::Value;

use crate::access::Way;
use crate::harness::cluster::{Lab, fulljoin};
use crate::harness::hosts::on_hosts;
use crate::harness::rest::Rest;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::load::Load;

/// Long beside a life of the certificates in these tests.
const PATIENCE: Duration = Duration::from_mins(3);

/// Certificates that are renewed 40 seconds after they were made, 40 seconds before they end.
const SHORT: &str = "[cluster]\ncertificate_lifetime = \"80s\"\ncertificate_renewed_before = \"40s\"";

/// The same, and lists that are made anew after 30 seconds, 30 seconds before they end.
const SHORT_LISTS: &str = "[cluster]\ncertificate_lifetime = \"80s\"\ncertificate_renewed_before = \"40s\"\n\
                           revocation_list_lifetime = \"60s\"";

/// The machine's clock, in seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the ends of certificates are moments of this clock"
)]
fn now() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}

/// The certificate that is installed on a node.
fn installed(node: &Node) -> Result<Identity> {
    Ok(Identity::from_pem(&fs::read_to_string(
        node.data().join("tls/node.crt"),
    )?)?)
}

/// When the revocation list of a node ends.
fn list_ends(node: &Node) -> Result<i64> {
    let list = fs::read_to_string(node.data().join("tls/crl.pem"))?;
    certs::revocation_list_ends(&list)?.context("the list says when it ends")
}

/// The agent and the PostgreSQL of a node: neither may be another process afterwards.
fn processes(node: &Node) -> Result<(i32, String)> {
    let postmaster = fs::read_to_string(node.data().join("pg/postmaster.pid"))?;
    let pid = postmaster.lines().next().unwrap_or_default().to_owned();
    Ok((node.agent_pid()?.as_raw(), pid))
}

/// Starts the agent of a node anew with more in its configuration; its PostgreSQL goes on.
async fn reconfigure(node: &mut Node, more: &str) -> Result<()> {
    node.configure(more)?;
    node.kill()?;
    node.start().await
}

async fn certificates(node: &Node) -> Result<Value> {
    node.json(&["cluster", "certificates", "list"]).await
}

/// The fingerprints of the authorities, as a node lists them.
async fn authorities(node: &Node) -> Result<Vec<String>> {
    let list = certificates(node).await?["authorities"].take();
    let all = list.as_array().context("authorities")?.iter();
    Ok(all
        .filter_map(|one| one["fingerprint"].as_str().map(str::to_owned))
        .collect())
}

/// Breaks every link of a node off, so that each is made anew with the certificates that are installed now.
async fn break_links(node: &Node) -> Result<()> {
    node.query("select count(pg_terminate_backend(pid))::text from pg_stat_replication")
        .await?;
    Ok(())
}

/// Breaks all links, and waits until what each node writes then is on each other.
async fn links_come_back(cluster: &Cluster, name: &str) -> Result<()> {
    for node in &cluster.nodes {
        break_links(node).await?;
    }
    for node in &cluster.nodes {
        let key = format!("{name}-{}", node.address);
        node.json(&["keys", "create", "--name", &key, "--ack", "local"]).await?;
    }
    let count = format!("select count(*)::text from live.key where starts_with(name, '{name}-')");
    for node in &cluster.nodes {
        until(
            &format!("every key {name} is on {}", node.address),
            PATIENCE,
            async || Ok(node.query(&count).await? == cluster.nodes.len().to_string()),
        )
        .await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "waits until certificates have ended"]
async fn certificates_are_renewed_under_load_without_a_restart_and_without_loss() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    // Whether a busy machine confirms in time is another promise.
    cluster
        .first()
        .json(&["cluster", "ack", "set", "--ack", "local"])
        .await?;
    for node in &mut cluster.nodes {
        reconfigure(node, SHORT).await?;
        node.json(&["cluster", "certificates", "renew"]).await?;
    }
    let first: Vec<Identity> = cluster.nodes.iter().map(installed).collect::<Result<_>>()?;
    let running: Vec<(i32, String)> = cluster.nodes.iter().map(processes).collect::<Result<_>>()?;
    let end = first.iter().map(|one| one.not_after).max().context("nodes")?;
    ensure!(end < now()? + 90, "their lives are short: {first:?}");

    let mut load = Load::start(&cluster.nodes).await?;
    load.go_on_steadily();
    let mut serials: Vec<BTreeSet<String>> = vec![BTreeSet::new(); cluster.nodes.len()];
    until("all have ended, and each was renewed twice", PATIENCE, async || {
        load.wait_for(1).await?;
        for (node, serials) in cluster.nodes.iter().zip(&mut serials) {
            let identity = installed(node)?;
            ensure!(
                identity.not_after >= now()?,
                "{} lets its certificate end",
                node.address
            );
            serials.insert(identity.serial);
        }
        Ok(now()? > end && serials.iter().all(|serials| serials.len() > 2))
    })
    .await?;
    links_come_back(&cluster, "renewed").await?;
    let made = load.stop().await?;
    cluster.wait_until_all_have_all().await?;
    cluster.wait_until_equal().await?;

    let ids = made.join("','");
    let lost = format!(
        "select ({} - count(*))::text from live.key where id in ('{ids}')",
        made.len()
    );
    for (node, running) in cluster.nodes.iter().zip(running) {
        assert_eq!(node.query(&lost).await?, "0", "on {} of {}", node.address, made.len());
        assert_eq!(processes(node)?, running, "on {}", node.address);
    }
    let renewed = ["alarms", "list", "--name", "Cluster Node Certificate Renewed"];
    let told = cluster.first().json(&renewed).await?;
    assert_eq!(told["total"], 2, "one row for each node: {told}");
    assert!(told["resources"][0]["count"].as_i64() >= Some(2), "{told}");
    Ok(())
}

#[tokio::test]
#[ignore = "waits until revocation lists have ended"]
async fn a_revocation_list_never_locks_the_cluster_out() -> Result<()> {
    let mut cluster = Cluster::new(3).await?;
    let mut removed = cluster.nodes.pop().context("three nodes")?;
    let id = removed.json(&["cluster", "info"]).await?["nodeID"].clone();
    let serial = installed(&removed)?.serial;
    // Revoked with the one it has renewed.
    removed.json(&["cluster", "certificates", "renew"]).await?;
    let renewed = installed(&removed)?.serial;
    ensure!(serial != renewed, "it is another one");
    until("the others have heard of it", PATIENCE, async || {
        Ok(certificates(cluster.first()).await?.to_string().contains(&renewed))
    })
    .await?;
    let delete = [
        "cluster",
        "nodes",
        "delete",
        "--id",
        id.as_str().context("an id")?,
        "-y",
    ];
    cluster.first().ksctl(&delete).await?.text()?;
    removed.stop().await?;
    for node in &mut cluster.nodes {
        reconfigure(node, SHORT_LISTS).await?;
        node.json(&["cluster", "certificates", "renew"]).await?;
        until("a short list is installed", PATIENCE, async || {
            Ok(list_ends(node)? <= now()? + 60)
        })
        .await?;
        let list = fs::read(node.data().join("tls/crl.pem"))?;
        names_both(
            &cluster.lab.file("crl.pem", std::str::from_utf8(&list)?)?,
            [&serial, &renewed],
        )
        .await?;
    }

    let ends = list_ends(cluster.first())?.max(list_ends(&cluster.nodes[1])?);
    until("the lists have ended", PATIENCE, async || Ok(now()? > ends)).await?;
    links_come_back(&cluster, "relisted").await?;

    // Nobody renews anything on the second node: its agent is away, its PostgreSQL goes on.
    let left = installed(&cluster.nodes[1])?
        .not_after
        .max(list_ends(&cluster.nodes[1])?);
    cluster.nodes[1].kill()?;
    until("its list and certificate have ended", PATIENCE, async || {
        Ok(now()? > left)
    })
    .await?;
    let refused = Way::of(&cluster.nodes[0], &cluster.nodes[1]).await;
    ensure!(
        refused?.attempt().await?.code == Some(2),
        "a list that has ended refuses everyone"
    );
    cluster.nodes[1].start().await?;
    links_come_back(&cluster, "returned").await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await
}

/// Whether a revocation list names these serial numbers, by OpenSSL.
async fn names_both(list: &str, serials: [&str; 2]) -> Result<()> {
    let mut openssl = tokio::process::Command::new("openssl");
    openssl.args(["crl", "-noout", "-text", "-in", list]);
    let text = crate::harness::cli::run(&mut openssl, "").await?.text()?.to_lowercase();
    for serial in serials {
        ensure!(text.contains(serial), "{serial} is not in {text}");
    }
    Ok(())
}

#[tokio::test]
async fn the_authority_is_exchanged_while_a_node_is_away_and_an_agent_dies() -> Result<()> {
    let mut cluster = Cluster::new(3).await?;
    let old = authorities(cluster.first()).await?;
    let before = former_way(&cluster).await?;
    cluster.nodes[2].stop().await?;
    // Dies between having a certificate and saying so.
    cluster.nodes[1].kill()?;
    cluster.nodes[1].start_with("certificates::installed=return").await?;

    cluster.first().json(&["cluster", "rotate-ca"]).await?;
    let again = cluster.first().ksctl(&["cluster", "rotate-ca"]).await?;
    ensure!(again.stderr.contains("being exchanged already"), "{again:?}");
    let away = cluster.nodes[2].address.to_string();
    for node in &cluster.nodes[..2] {
        until("the exchange waits for the node that is away", PATIENCE, async || {
            let list = certificates(node).await?;
            let waits = list["waitsFor"].as_array().context("a list")?;
            let believes = |one: &&Value| one["wanted"] == "is to believe the new authority";
            let wanted: Vec<&Value> = waits.iter().filter(believes).map(|one| &one["host"]).collect();
            ensure!(wanted == [&Value::from(away.as_str())], "{list}");
            Ok(true)
        })
        .await?;
    }
    let key = ["keys", "create", "--name", "meanwhile", "--ack", "any-1"];
    cluster.first().json(&key).await?;

    cluster.nodes[2].start().await?;
    cluster.nodes[1].wait_until_it_ends().await?;
    cluster.nodes[1].start().await?;
    for node in &cluster.nodes {
        until("the old authority is gone", PATIENCE, async || {
            let list = certificates(node).await?;
            ensure!(
                list["authorities"].as_array().is_some_and(|all| all.len() == 1),
                "{list}"
            );
            ensure!(list["authorities"][0]["fingerprint"] != old[0].as_str(), "{list}");
            ensure!(list["waitsFor"] == serde_json::json!([]), "{list}");
            let file = fs::read_to_string(node.data().join("tls/ca.crt"))?;
            Ok(certs::fingerprints(&file)?.len() == 1)
        })
        .await?;
    }
    links_come_back(&cluster, "exchanged").await?;
    before.is_refused("a certificate of the old authority").await?;
    // A node joins under the new one.
    let joiner = cluster.lab.single().await?;
    fulljoin(cluster.first(), &joiner, true).await?;
    cluster.nodes.push(joiner);
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await
}

#[tokio::test]
async fn an_exchange_goes_on_wherever_an_agent_dies() -> Result<()> {
    let mut cluster = Cluster::new(1).await?;
    for place in ["begun", "issued", "installed", "outlived"] {
        let old = authorities(cluster.first()).await?;
        let node = &mut cluster.nodes[0];
        node.stop().await?;
        node.start_with(&format!("certificates::{place}=return")).await?;
        // It may die before it answers.
        node.ksctl(&["cluster", "rotate-ca", "--timeout", "5"]).await?;
        node.wait_until_it_ends().await?;
        node.start().await?;
        until(
            &format!("the exchange ends that was cut off at {place}"),
            PATIENCE,
            async || {
                let new = authorities(node).await?;
                let believed = certs::fingerprints(&fs::read_to_string(node.data().join("tls/ca.crt"))?)?;
                ensure!(
                    new.len() == 1 && new != old && believed == new,
                    "{old:?} {new:?} {believed:?}"
                );
                Ok(true)
            },
        )
        .await?;
        assert_eq!(
            certificates(node).await?["nodes"][0]["authority"],
            authorities(node).await?[0]
        );
    }
    Ok(())
}

/// The way of the third node into the first with copies of what it has now.
async fn former_way(cluster: &Cluster) -> Result<Way> {
    let mut way = Way::of(&cluster.nodes[2], cluster.first()).await?;
    let copy = |path: &Path, name: &str| -> Result<std::path::PathBuf> {
        let made = cluster.lab.file(name, &fs::read_to_string(path)?)?;
        crate::access::give_like(Path::new(&made), &way.key)?;
        Ok(made.into())
    };
    let (certificate, key) = (copy(&way.certificate, "former.crt")?, copy(&way.key, "former.key")?);
    (way.certificate, way.key) = (certificate, key);
    Ok(way)
}

#[test]
fn a_clock_that_is_most_of_a_day_behind_does_not_part_a_young_cluster() -> Result<()> {
    on_hosts(async |hosts| {
        let cluster = Cluster::with_hosts(hosts, 2).await?;
        cluster.nodes[1].set_clock(-20 * 3600)?;
        links_come_back(&cluster, "young").await?;
        // That clocks count is seen when more than a day is wrong.
        cluster.nodes[1].set_clock(-30 * 3600)?;
        let refused = Way::of(&cluster.nodes[0], &cluster.nodes[1]).await?.attempt().await?;
        ensure!(refused.stderr.contains("bad certificate"), "{refused:?}");
        Ok(())
    })
}

#[tokio::test]
async fn the_certificate_for_users_is_exchanged_without_a_restart() -> Result<()> {
    let mut lab = Lab::new()?;
    let mut node = lab.single().await?;
    node.stop().await?;
    let paths = ["rest.crt", "rest.key"].map(|name| node.data().join("rest").join(name));
    let (certificate, key) = (lab.file("rest.crt", "")?, lab.file("rest.key", "")?);
    for (from, to) in paths.iter().zip([&certificate, &key]) {
        fs::copy(from, to)?;
    }
    node.configure_rest(&certificate, &key)?;
    node.start().await?;
    let (pid, early) = (node.agent_pid()?, node.rest().await?);

    let now = now()?;
    let (new, its_key) = certs::self_signed(&[node.address.to_string()], now - 86_400, now + 86_400)?;
    fs::write(&certificate, &new)?;
    fs::write(&key, its_key.as_bytes())?;
    let trusted = lab.file("new.crt", &new)?;
    until("new connections get the new certificate", PATIENCE, async || {
        let late = Rest::new(&node.url(), Path::new(&trusted))?;
        late.get("system/services/status").await?.good()?;
        Ok(true)
    })
    .await?;
    early.get("cluster").await?.good()?;
    assert_eq!(node.agent_pid()?, pid);
    Ok(())
}

#[tokio::test]
async fn an_agent_whose_keys_are_not_private_does_not_start_and_names_the_file() -> Result<()> {
    let mut lab = Lab::new()?;
    let mut node = lab.single().await?;
    node.stop().await?;
    for name in ["tls/node.key", "rest/rest.key", "root-of-trust.key"] {
        let path = node.data().join(name);
        let aside = node.data().join("aside.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        refuses_to_start(&mut node, &path, "its mode is 0644").await?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;

        let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&path)?);
        if chown(&path, Some(54321), None).is_ok() {
            refuses_to_start(&mut node, &path, "belongs to another account").await?;
            chown(&path, Some(owner), None)?;
        }
        fs::rename(&path, &aside)?;
        symlink(&aside, &path)?;
        refuses_to_start(&mut node, &path, "is a symbolic link").await?;
        fs::rename(&aside, &path)?;
    }
    node.start().await
}

async fn refuses_to_start(node: &mut Node, path: &Path, why: &str) -> Result<()> {
    let before = node.logged().len();
    node.spawn("")?;
    let ended = node.wait_until_it_ends().await?;
    let said = node.logged().split_off(before);
    ensure!(!ended.success(), "it started: {said}");
    let (path, named) = (path.display().to_string(), said.contains(why));
    ensure!(named && said.contains(&path), "{path} {why}: {said}");
    Ok(())
}
