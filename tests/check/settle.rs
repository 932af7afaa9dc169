//! Waits until nodes agree, and takes the time: after each fault by a canary of every node, at the end by digests.
//!
//! Changes of a node arrive in the order of their commits. So where a key that was made on it after a fault has arrived,
//! everything that was written on it before has, too.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::{Instant, sleep};

use super::client::Client;
use super::history::{Dump, End, Nanos, Record, Row, Settled};
use super::pairs::seen;
use super::steps::ROTATED_KEYS;
use super::workers;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

/// The promise: nodes that reach each other again agree within this time.
pub(super) const BOUND: Duration = Duration::from_mins(1);

/// How long is waited for it. Longer than the bound, to tell late from never.
const PATIENCE: Duration = Duration::from_secs(75);

/// Between the two looks at the digests.
const SECOND_LOOK: Duration = Duration::from_secs(5);

/// After the fault named `after`: makes a key on every node and waits until all nodes have them all.
pub(super) async fn after_fault(cluster: &Cluster, client: &Client, after: &str) {
    let recorder = &client.shared.recorder;
    let begin = recorder.now();
    let arrived = async {
        let keys = canaries(cluster, client).await?;
        for node in &cluster.nodes {
            until("the canaries arrive", PATIENCE, async || has_all(node, &keys).await).await?;
        }
        anyhow::Ok(())
    };
    let took = arrived.await.is_ok().then(|| recorder.now() - begin);
    recorder.keep(Record::Settled(Settled {
        after: after.to_owned(),
        begin,
        took,
    }));
}

async fn canaries(cluster: &Cluster, client: &Client) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    for node in 0..cluster.nodes.len() {
        until("a node takes a canary", PATIENCE, async || {
            let made = client.create(node, None).await;
            ensure!(made.is_ok(), "{}", made.answer);
            keys.extend(made.key);
            Ok(true)
        })
        .await?;
    }
    Ok(keys)
}

/// Waits until a node has all these keys.
pub(super) async fn has_all(node: &Node, keys: &[String]) -> Result<bool> {
    let db = node.db(sql::database::CLUSTER).await?;
    let row = db
        .query_one("select count(*) from public.key where id = any($1)", &[&keys])
        .await?;
    Ok(row.get::<_, i64>(0) == i64::try_from(keys.len())?)
}

/// When nothing is written any more and no fault is left: waits until all digests are equal, and looks again later.
pub(super) async fn at_the_end(cluster: &Cluster, now: impl Fn() -> Nanos) -> End {
    let begin = now();
    let agreed = until("all nodes agree", PATIENCE, async || agree(cluster).await).await;
    if agreed.is_err() {
        return End::default();
    }
    let equal_after = Some(now() - begin);
    // The promise is that they stay so.
    sleep(SECOND_LOOK).await;
    End {
        equal_after,
        still_equal: agree(cluster).await.unwrap_or(false),
        broke_off: None,
    }
}

async fn agree(cluster: &Cluster) -> Result<bool> {
    let first = cluster.first().digest().await?;
    for node in &cluster.nodes {
        ensure!(node.digest().await? == first, "{} differs", node.address);
        let bad = "select coalesce(string_agg(concat(relation, ' ', key), ' '), '') from replication.bad_row";
        let bad = node.query(bad).await?;
        ensure!(bad.is_empty(), "{} has set aside {bad}", node.address);
    }
    Ok(true)
}

/// What every node holds.
pub(super) async fn dumps(cluster: &Cluster) -> Vec<Dump> {
    let mut dumps = Vec::new();
    for (number, node) in cluster.nodes.iter().enumerate() {
        // A node that cannot be asked is one that does not agree, which is told already.
        if let (Ok(rows), Ok(current), Ok(numbered)) = (rows(node).await, current(node).await, numbered(node).await) {
            dumps.push(Dump {
                node: number,
                rows,
                current,
                numbered,
            });
        }
    }
    dumps
}

async fn rows(node: &Node) -> Result<Vec<Row>> {
    let query = "select id, name, description, version, state::text, fingerprint, material_version, origin, deleted,
                        wrapped is not null as has_material from public.key";
    let rows = node.db(sql::database::CLUSTER).await?.query(query, &[]).await?;
    let row = |row: &tokio_postgres::Row| Row {
        seen: seen(row),
        origin: row.get("origin"),
        deleted: row.get("deleted"),
        has_material: row.get("has_material"),
    };
    Ok(rows.iter().map(row).collect())
}

/// What a node answers to the names of the keys that were rotated.
async fn current(node: &Node) -> Result<BTreeMap<String, String>> {
    let mut current = BTreeMap::new();
    for name in (0..ROTATED_KEYS).map(workers::rotated) {
        let id = found(node, &format!("{name}?type=name")).await?;
        current.insert(name, id);
    }
    Ok(current)
}

/// What a node answers to the numbers that two sides of a cut gave to a version each.
async fn numbered(node: &Node) -> Result<BTreeMap<String, String>> {
    let twice = "select material_version from live.key where name = $1 group by 1 having count(*) > 1";
    let db = node.db(sql::database::CLUSTER).await?;
    let mut numbered = BTreeMap::new();
    for name in (0..ROTATED_KEYS).map(workers::rotated) {
        for row in db.query(twice, &[&name]).await? {
            let number: i32 = row.get(0);
            let id = found(node, &format!("{name}?type=name&version={number}")).await?;
            numbered.insert(format!("version {number} of {name}"), id);
        }
    }
    Ok(numbered)
}

async fn found(node: &Node, key: &str) -> Result<String> {
    let key = node.rest().await?.get(&format!("vault/keys2/{key}")).await?.good()?;
    Ok(key["id"].as_str().unwrap_or_default().to_owned())
}

/// Waits until every node takes calls and is linked with every other.
pub(super) async fn until_well(cluster: &Cluster) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    let mut linked = cluster.wait_until_linked().await;
    while linked.is_err() && Instant::now() < end {
        linked = cluster.wait_until_linked().await;
    }
    linked
}
