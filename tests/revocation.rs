//! Whom a node connects to: the member that is meant, and nobody whose certificate was revoked. What the agent does is in
//! `appliance/src/peers/tests.rs`; here are the subscriptions, which are libpq's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::harness::cli::{self, Said};
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node, postgres};
use crate::removal::revoked;

/// Subscriptions of the node that check nothing but the address, or no revocation list.
const UNCHECKED: &str = "select count(*)::text from pg_subscription
    where subconninfo !~ 'host=''[0-9a-f]{32}\\.node\\.keystead\\.internal'' hostaddr=' or subconninfo !~ 'sslcrl=''/'";

/// How the node `from` connects to `to`, as its subscription says.
async fn conninfo(from: &Node, to: &Node) -> Result<String> {
    let query = format!(
        "select subconninfo from pg_subscription
         where subname = (select 'keystead_' || number || '_to_' || replication.this_node()
                          from live.node where id = '{}')",
        to.id().await?
    );
    from.query(&query).await
}

/// What libpq says to a connection of this kind.
async fn connect(conninfo: &str) -> Result<Said> {
    let mut psql = tokio::process::Command::from(postgres::program("psql")?);
    psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--dbname", conninfo]);
    cli::run(psql.args(["--command", "select 'in'"]), "").await
}

async fn every_link_is_checked(cluster: &Cluster) -> Result<()> {
    for node in &cluster.nodes {
        let what = format!("the subscriptions of {} check whom they connect to", node.address);
        until(&what, PATIENCE, async || {
            let unchecked = node.query(UNCHECKED).await?;
            ensure!(unchecked == "0", "{unchecked} do not");
            Ok(true)
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_subscription_takes_no_other_member_for_its_own_and_no_removed_one() -> Result<()> {
    let mut cluster = Cluster::new(3).await?;
    every_link_is_checked(&cluster).await?;
    let way = conninfo(cluster.first(), &cluster.nodes[2]).await?;
    ensure!(connect(&way).await?.text()?.trim() == "in", "the way as it is works");

    // The second member, with its own good certificate, where the third should be.
    let (second, third) = (cluster.nodes[1].address, cluster.nodes[2].address);
    let posing = way.replace(&format!("hostaddr='{third}'"), &format!("hostaddr='{second}'"));
    let said = connect(&posing).await?;
    ensure!(
        said.code == Some(2) && said.stderr.contains("does not match host name"),
        "{said:?}"
    );

    // The third is removed; its PostgreSQL goes on and has not heard of it.
    let id = cluster.nodes[2].id().await?;
    let serial = certs::Identity::from_pem(&fs::read_to_string(cluster.nodes[2].data().join("tls/node.crt"))?)?.serial;
    cluster.nodes[2].kill()?;
    let delete = ["cluster", "nodes", "delete", "--id", &id, "-y"];
    cluster.first().ksctl(&delete).await?.text()?;
    until("its certificate is revoked", PATIENCE, async || {
        Ok(revoked(cluster.first())?.contains(&serial.to_uppercase()))
    })
    .await?;
    let said = connect(&way).await?;
    ensure!(
        said.code == Some(2) && said.stderr.contains("certificate verify failed"),
        "{said:?}"
    );
    let list = cluster.first().data().join("tls/crl.pem");
    let unchecked = way.replace(&format!("sslcrl='{}'", list.display()), "sslcrl=''");
    ensure!(
        connect(&unchecked).await?.text()?.trim() == "in",
        "it is the list that refuses it"
    );
    an_apply_worker_refuses_it(cluster.first(), &way).await
}

/// As a subscription that was made before the removal.
async fn an_apply_worker_refuses_it(node: &Node, way: &str) -> Result<()> {
    let way = way.replace('\'', "''");
    let db = node.db("keystead").await?;
    db.batch_execute(&format!(
        "create subscription trial connection '{way}' publication keystead with (connect = false, slot_name = 'trial')"
    ))
    .await?;
    db.batch_execute("alter subscription trial enable").await?;
    until("the worker says why it does not connect", PATIENCE, async || {
        let logged = postgres_logged(node)?;
        Ok(logged
            .lines()
            .any(|line| line.contains("could not connect") && line.contains("certificate verify failed")))
    })
    .await?;
    db.batch_execute(
        "alter subscription trial disable; alter subscription trial set (slot_name = none); drop subscription trial",
    )
    .await?;
    Ok(())
}

fn postgres_logged(node: &Node) -> Result<String> {
    let mut text = String::new();
    for entry in fs::read_dir(node.data().join("pg-log"))? {
        text += &String::from_utf8_lossy(&fs::read(entry?.path())?);
    }
    Ok(text)
}

#[tokio::test]
async fn what_a_link_checks_is_brought_up_to_date_and_a_list_that_is_gone_is_made_again_or_told() -> Result<()> {
    let cluster = Cluster::new(2).await?;
    every_link_is_checked(&cluster).await?;
    let (node, peer) = (cluster.first(), &cluster.nodes[1]);
    // As an earlier version made it.
    let now = conninfo(node, peer).await?;
    let list = node.data().join("tls/crl.pem");
    let earlier = now.replace(&format!(" sslcrl='{}'", list.display()), "").replace(
        &format!("host='{}' hostaddr=", certs::node_name(&peer.id().await?)),
        "host=",
    );
    ensure!(
        !earlier.contains("sslcrl") && !earlier.contains("hostaddr"),
        "{earlier}"
    );
    let name = node.query("select subname from pg_subscription").await?;
    let db = node.db("keystead").await?;
    let earlier = earlier.replace('\'', "''");
    db.batch_execute(&format!("alter subscription {name} connection '{earlier}'"))
        .await?;
    every_link_is_checked(&cluster).await?;
    assert_eq!(conninfo(node, peer).await?, now);

    // Gone, or not for PostgreSQL to read: made again.
    fs::remove_file(&list)?;
    until("there is a list again", PATIENCE, async || Ok(revoked(node).is_ok())).await?;
    fs::set_permissions(&list, fs::Permissions::from_mode(0o000))?;
    until("PostgreSQL can read it again", PATIENCE, async || {
        Ok(fs::metadata(&list)?.permissions().mode() & 0o777 == 0o600)
    })
    .await?;
    a_list_that_cannot_be_made_is_an_alarm_and_no_dead_link(&cluster).await
}

async fn a_list_that_cannot_be_made_is_an_alarm_and_no_dead_link(cluster: &Cluster) -> Result<()> {
    let (node, peer) = (cluster.first(), &cluster.nodes[1]);
    let list = node.data().join("tls/crl.pem");
    fs::remove_file(&list)?;
    // Nothing can be written over a folder with something in it.
    until("a folder is in its place", PATIENCE, async || {
        // The agent may have been faster.
        fs::remove_file(&list).ok();
        Ok(fs::create_dir_all(list.join("in the way")).is_ok())
    })
    .await?;
    let mut told = Value::Null;
    until("the alarm is raised", PATIENCE, async || {
        told = alarm(node).await?;
        Ok(told["state"] == "on")
    })
    .await?;
    ensure!(told["description"].to_string().contains("crl.pem"), "{told}");

    let workers = "select count(pg_terminate_backend(pid))::text from pg_stat_activity
                   where backend_type like '%apply worker%' or backend_type = 'logical replication worker'";
    ensure!(node.query(workers).await? != "0", "there is a worker");
    peer.json(&["keys", "create", "--name", "unlisted", "--ack", "local"])
        .await?;
    until("what the peer writes arrives", PATIENCE, async || {
        let count = "select count(*)::text from live.key where name = 'unlisted'";
        Ok(node.query(count).await? == "1")
    })
    .await?;
    fs::remove_dir_all(&list)?;
    until("the alarm is over", PATIENCE, async || {
        Ok(alarm(node).await?["state"] == "off")
    })
    .await
}

/// The alarm of this node about its list.
async fn alarm(node: &Node) -> Result<Value> {
    let list = [
        "alarms",
        "list",
        "--name",
        "Cluster Revocation List Unusable",
        "--limit",
        "100",
    ];
    let list = node.json(&list).await?;
    list["resources"].get(0).cloned().context("no alarm yet")
}
