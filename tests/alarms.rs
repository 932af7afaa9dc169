//! Alarms of whole clusters: what is wrong is told by every node, and is over by itself when its cause is gone.

use std::os::unix::fs::PermissionsExt as _;
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::harness::cluster::Lab;
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// Alarms as this node lists them.
async fn alarms(node: &Node, name: &str, state: &str) -> Result<Vec<Value>> {
    let list = node
        .json(&["alarms", "list", "--name", name, "--state", state, "--limit", "100"])
        .await?;
    list["resources"].as_array().cloned().context("a list")
}

/// The one alarm of this name, once there is one in this state.
async fn wait_for(node: &Node, name: &str, state: &str) -> Result<Value> {
    let mut found = Value::Null;
    until(&format!("{name} is {state}"), PATIENCE, async || {
        let mut list = alarms(node, name, state).await?;
        ensure!(list.len() == 1, "{list:?}");
        found = list.remove(0);
        Ok(true)
    })
    .await?;
    Ok(found)
}

#[tokio::test]
async fn a_member_that_is_down_is_an_alarm_until_it_is_back() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let down = cluster.first().json(&["cluster", "nodes", "list"]).await?["resources"][1]["nodeID"].clone();
    ensure!(
        alarms(cluster.first(), "Cluster Node Down", "on").await?.is_empty(),
        "all is well"
    );
    cluster.nodes[1].kill()?;
    cluster.nodes[1].kill_rest();

    let raised = wait_for(cluster.first(), "Cluster Node Down", "on").await?;
    assert_eq!(
        (&raised["subject"], &raised["severity"]),
        (&down, &"critical".into()),
        "{raised}"
    );
    assert_eq!(
        (&raised["count"], &raised["acknowledgedAt"]),
        (&1.into(), &Value::Null),
        "{raised}"
    );
    let id = raised["id"].as_str().context("an id")?.to_owned();

    let noticed = cluster.first().json(&["alarms", "acknowledge", "--id", &id]).await?;
    assert_eq!(noticed["acknowledgedBy"], "admin");
    let again = cluster.first().ksctl(&["alarms", "ack", "--id", &id]).await?;
    assert!(
        again.code == Some(1) && again.stderr.contains("admin has acknowledged"),
        "{again:?}"
    );

    cluster.nodes[1].start().await?;
    let over = wait_for(cluster.first(), "Cluster Node Down", "off").await?;
    assert_eq!(
        (&over["id"], &over["clearedBy"]),
        (&Value::from(id.as_str()), &"system".into()),
        "{over}"
    );
    // The other node sees it too: alarms replicate, and what was said to them.
    until("the other node shows it", PATIENCE, async || {
        let seen = cluster.nodes[1].json(&["alarms", "get", "--id", &id]).await?;
        Ok(seen["state"] == "off" && seen["acknowledgedBy"] == "admin")
    })
    .await?;
    let again = cluster.nodes[1].ksctl(&["alarms", "clear", "--id", &id]).await?;
    assert!(again.stderr.contains("off already"), "{again:?}");
    Ok(())
}

/// With everything that has a meaning in syslog.
const NAME: &str = "payroll]\"\\";

#[tokio::test]
async fn a_name_that_two_keys_have_is_an_alarm_until_one_is_renamed() -> Result<()> {
    let cluster = Cluster::new(2).await?;
    let (one, two) = (cluster.first(), &cluster.nodes[1]);
    let mut ids = Vec::new();
    for (node, name) in [(one, NAME), (two, "other")] {
        let made = node.json(&["keys", "create", "--name", name]).await?;
        ids.push(made["id"].as_str().context("an id")?.to_owned());
    }
    // The row that another part of the cluster would have written while apart: past the check of a name that is free.
    let db = two.db("keystead").await?;
    db.execute("update public.key set name = $1 where id = $2", &[&NAME, &ids[1]])
        .await?;

    let raised = wait_for(one, "Name Clash", "on").await?;
    assert_eq!(raised["subject"], format!("key {NAME}"));
    let clashes = two.json(&["cluster", "clashes"]).await?;
    assert_eq!(clashes["resources"][0]["ids"], serde_json::json!(ids), "{clashes}");
    let rename = serde_json::json!({"name": "payroll 2"});
    let path = format!("vault/keys2/{}", ids[1]);
    two.rest().await?.patch(&path, &rename).await?.good()?;
    let over = wait_for(two, "Name Clash", "off").await?;
    assert_eq!((&over["id"], &over["clearedBy"]), (&raised["id"], &"system".into()));
    assert_eq!(one.json(&["cluster", "clashes"]).await?["total"], 0);
    Ok(())
}

#[tokio::test]
async fn a_member_for_which_nothing_is_kept_is_an_alarm_until_it_is_removed() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let nodes = cluster.first().json(&["cluster", "nodes", "list"]).await?;
    let gone = nodes["resources"][1]["nodeID"].as_str().context("an id")?.to_owned();
    cluster.nodes[1].kill()?;
    cluster.nodes[1].kill_rest();
    let first = cluster.first();
    let db = first.db("keystead").await?;
    until("its slot is free to be dropped", PATIENCE, async || {
        db.batch_execute("select pg_drop_replication_slot('keystead_1_to_2')")
            .await?;
        Ok(true)
    })
    .await?;
    wait_for(first, "Cluster Node Down", "on").await?;
    let raised = wait_for(first, "Cluster Slot Lost", "on").await?;
    assert_eq!(
        (&raised["subject"], &raised["severity"]),
        (&gone.as_str().into(), &"critical".into())
    );
    first
        .ksctl(&["cluster", "nodes", "delete", "--id", &gone, "-y"])
        .await?
        .text()?;
    for name in ["Cluster Slot Lost", "Cluster Node Down"] {
        let over = wait_for(first, name, "off").await?;
        assert_eq!(over["clearedBy"], "system", "{over}");
    }
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_an_alarm_with_the_days_that_are_left() -> Result<()> {
    let mut lab = Lab::new()?;
    let mut node = lab.node()?;
    let now = i64::try_from(
        std::fs::metadata("/proc/self")?
            .modified()?
            .duration_since(UNIX_EPOCH)?
            .as_secs(),
    )?;
    let names = [node.address.to_string()];
    let (certificate, key) = certs::self_signed(&names, now - 86_400, now + 5 * 86_400 + 3600)?;
    let (certificate, key) = (lab.file("rest.crt", &certificate)?, lab.file("rest.key", &key)?);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
    let own = std::fs::read(&certificate)?;
    node.configure_rest(&certificate, &key)?;
    std::fs::create_dir_all(node.data().join("rest"))?;
    // Where clients of this test look for the certificate they trust.
    std::fs::write(node.rest_certificate(), own)?;
    node.start_new("").await?;
    let raised = wait_for(&node, "Cluster Node Certificate Expiration", "on").await?;
    assert_eq!(
        (&raised["subject"], &raised["severity"]),
        (&"rest".into(), &"error".into())
    );
    assert_eq!(
        raised["description"],
        "the certificate of this node's REST ends in 5 days"
    );
    Ok(())
}

#[tokio::test]
async fn programs_of_postgresql_that_are_newer_than_the_server_are_an_alarm_until_it_runs_on_them() -> Result<()> {
    let mut lab = Lab::new()?;
    let mut node = lab.node()?;
    node.start_new("").await?;
    let real = node
        .query("select setting from pg_config where name = 'BINDIR'")
        .await?;
    let major = node
        .query("select current_setting('server_version_num')::int / 10000 || ''")
        .await?;
    node.stop().await?;
    let folder = node.data();
    let folder = folder.parent().context("the folder of the lab")?;
    // A package was upgraded: its programs say the new version, the server is still the old one.
    let newer = format!("[ \"$1\" != --version ] || {{ echo 'postgres (PostgreSQL) {major}.99'; exit; }}\n");
    for (name, first) in [("postgres", newer.as_str()), ("initdb", ""), ("pg_ctl", "")] {
        let program = lab.file(name, &format!("#!/bin/sh\n{first}exec {real}/{name} \"$@\"\n"))?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    }
    node.configure(&format!("bin_dir = \"{}\"", folder.display()))?;
    node.start().await?;
    let raised = wait_for(&node, "PostgreSQL Restart Needed", "on").await?;
    let text = raised["description"].as_str().unwrap_or_default();
    ensure!(
        text.starts_with(&format!("PostgreSQL {major}.99 is installed, and {major}."))
            && text.contains("systemctl restart"),
        "{raised}"
    );
    node.stop().await?;
    node.configure("")?;
    node.start().await?;
    let over = wait_for(&node, "PostgreSQL Restart Needed", "off").await?;
    assert_eq!(over["clearedBy"], "system", "{over}");
    Ok(())
}

#[tokio::test]
async fn an_alarm_that_was_raised_and_over_while_the_database_was_away_is_in_the_list() -> Result<()> {
    let cluster = Cluster::new(1).await?;
    let node = cluster.first();
    let (list, hidden) = (node.data().join("tls/crl.pem"), node.data().join("tls/hidden"));
    let local = node.db(sql::database::LOCAL).await?;
    let away = "alter database keystead with allow_connections false";
    local.batch_execute(away).await?;
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'keystead'";
    local.execute(end, &[]).await?;

    std::fs::rename(&list, &hidden)?;
    let told = async |what: &str| {
        let is_told = |line: &str| line.contains("revocation-unchecked") && line.contains(what);
        until(&format!("the log says that it is {what}"), PATIENCE, async || {
            Ok(node.logged().lines().any(is_told))
        })
        .await
    };
    told("raised").await?;
    std::fs::rename(&hidden, &list)?;
    told("cleared").await?;
    local
        .batch_execute("alter database keystead with allow_connections true")
        .await?;

    let over = wait_for(node, "Cluster Revocation List Unusable", "off").await?;
    assert_eq!((&over["count"], &over["state"]), (&1.into(), &"off".into()), "{over}");
    Ok(())
}
