//! Changes that are hard to apply: refused by what somebody did to a table, in deadlocks with others, large, or late.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use nix::unistd::Pid;
use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;

use super::{has_all, make, node_id, on_their_own};
use crate::harness::node::PATIENCE;
use crate::harness::processes::family;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};
use crate::merging::is_seen;

/// Within this time somebody is to be told; a busy machine may need longer to tell.
const NOTICE: Duration = Duration::from_secs(30);

const BLOCKED: &str = "Cluster Replication Blocked";

/// What somebody does to the table of keys on one node, how it is undone, and what the alarm names.
struct Harm {
    done: &'static str,
    undone: &'static str,
    named: &'static str,
}

#[tokio::test]
async fn a_change_that_a_table_refuses_is_told_and_waits_and_nothing_is_skipped() -> Result<()> {
    is_told_and_waits(&Harm {
        done: "alter table public.key add constraint no_poison check (name <> 'poison')",
        undone: "alter table public.key drop constraint no_poison",
        named: "no_poison",
    })
    .await
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_change_of_a_column_that_is_gone_is_told_and_waits_and_nothing_is_skipped() -> Result<()> {
    is_told_and_waits(&Harm {
        done: "alter table public.key rename column usage_mask to gone",
        undone: "alter table public.key rename column gone to usage_mask",
        named: "usage_mask",
    })
    .await
}

async fn is_told_and_waits(harm: &Harm) -> Result<()> {
    let cluster = on_their_own(3).await?;
    let poisoned = &cluster.nodes[2];
    let mut ids = vec![make(&poisoned.rest().await?, "before").await?];
    let by_hand = poisoned.db(sql::database::CLUSTER).await?;
    by_hand.batch_execute(harm.done).await?;
    waits(&cluster.nodes, harm, &mut ids).await?;

    by_hand.batch_execute(harm.undone).await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await?;
    has_all(poisoned, &ids).await?;
    no_alarm_is_left(cluster.first()).await
}

/// The third node refuses what the first has written: that is told, and everything else goes on.
async fn waits(nodes: &[Node], harm: &Harm, ids: &mut Vec<String>) -> Result<()> {
    let [writer, other, poisoned] = nodes else {
        bail!("there are not three nodes")
    };
    for name in ["poison", "behind-it"] {
        ids.push(make(&writer.rest().await?, name).await?);
    }
    is_an_alarm_on(other, harm, (&node_id(writer).await?, &node_id(poisoned).await?)).await?;
    is_seen(poisoned, writer, "BAD:replication is blocked").await?;
    ids.push(make(&other.rest().await?, "meanwhile").await?);
    until("the other two have all keys", PATIENCE, async || {
        has_all(writer, ids).await?;
        has_all(other, ids).await.map(|()| true)
    })
    .await?;
    let skipped = "select count(*)::text from public.key where name in ('poison', 'behind-it')";
    assert_eq!(poisoned.query(skipped).await?, "0", "what is behind it waits");
    Ok(())
}

async fn no_alarm_is_left(node: &Node) -> Result<()> {
    until("it is over", PATIENCE, async || {
        let list = node
            .json(&["alarms", "list", "--name", BLOCKED, "--state", "on"])
            .await?;
        ensure!(list["total"] == 0, "{list}");
        Ok(true)
    })
    .await
}

/// Waits until a node shows the alarm that changes of one node cannot be applied on another, and why.
async fn is_an_alarm_on(node: &Node, harm: &Harm, (of, on): (&str, &str)) -> Result<()> {
    let on_there = ["--name", BLOCKED, "--state", "on", "--source", on];
    until("what is refused is told", 2 * NOTICE, async || {
        let list = node.json(&[&["alarms", "list"], &on_there[..]].concat()).await?;
        let alarm = &list["resources"][0];
        let text = alarm["description"].as_str().unwrap_or_default();
        ensure!(alarm["subject"] == *of, "{list}");
        ensure!(text.contains(harm.named) && text.contains("public.key"), "{list}");
        Ok(true)
    })
    .await
}

/// Transactions of each writer, rows of each transaction, and rows there are.
const STORM: (usize, usize, usize) = (25, 6, 8);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn a_storm_of_deadlocks_ends_and_all_nodes_agree() -> Result<()> {
    let cluster = on_their_own(3).await?;
    let (rest, mut ids) = (cluster.first().rest().await?, Vec::new());
    for number in 0..STORM.2 {
        ids.push(make(&rest, &format!("stormy-{number}")).await?);
    }
    cluster.wait_until_all_have_all().await?;
    let mut writers = JoinSet::new();
    for (place, node) in cluster.nodes.iter().enumerate() {
        for writer in 0..3 {
            let (db, ids) = (node.db(sql::database::CLUSTER).await?, ids.clone());
            writers.spawn(async move { storm(db, ids, 3 * place + writer).await });
        }
    }
    let mut deadlocks = 0;
    while let Some(ended) = writers.join_next().await {
        deadlocks += ended??;
    }
    ensure!(deadlocks > 0, "no transaction met another: this proves nothing");
    cluster.wait_until_all_have_all().await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await
}

/// Writes rows in orders that differ from writer to writer and from turn to turn; again where PostgreSQL gave it up. How
/// often that was.
async fn storm(db: tokio_postgres::Client, ids: Vec<String>, writer: usize) -> Result<usize> {
    let mut deadlocks = 0;
    for turn in 0..STORM.0 {
        // A step that has no divisor in common with the number of rows meets each of them once.
        let step = [1, 3, 5, 7][(writer + turn) % 4];
        let order = (0..STORM.1).map(|place| &ids[(writer + turn + place * step) % STORM.2]);
        let updates: Vec<String> = order
            .map(|id| format!("update public.key set description = '{writer}-{turn}' where id = '{id}'"))
            .collect();
        let transaction = format!("begin; {}; commit", updates.join("; "));
        while let Err(error) = db.batch_execute(&transaction).await {
            ensure!(error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED), "{error}");
            db.batch_execute("rollback").await?;
            deadlocks += 1;
            ensure!(deadlocks < 10 * STORM.0, "it never ends");
        }
    }
    Ok(deadlocks)
}

/// What PostgreSQL of one node may take beside what its processes share, and what the agent may.
const MOST_BYTES: u64 = 256 << 20;

const HUNDRED_THOUSAND: &str = "
    insert into public.key (id, name, state, algorithm, size, usage_mask, description, unexportable, undeletable,
                            fingerprint, material_version, epoch, wrapped)
    select md5(n::text) || md5((-n)::text), 'big-' || n, 'Active', 'AES', 256, 12, '', false, false, md5(n::text), 0, 1,
           decode(md5(n::text), 'hex')
    from generate_series(1, 100000) n";

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_transaction_of_a_hundred_thousand_rows_needs_little_memory() -> Result<()> {
    let cluster = on_their_own(2).await?;
    let writer = cluster.first().db(sql::database::CLUSTER).await?;
    let mut insert = JoinSet::new();
    insert.spawn(async move { writer.batch_execute(HUNDRED_THOUSAND).await });
    let mut most = 0;
    until("the rows have arrived", Duration::from_mins(5), async || {
        for node in &cluster.nodes {
            let all: u64 = family(node.postmaster()?).into_iter().filter_map(own_bytes).sum();
            let agent = own_bytes(node.agent_pid()?).context("the agent runs")?;
            most = most.max(all).max(agent);
        }
        let arrived = "select count(*)::text from public.key where name like 'big-%'";
        Ok(cluster.nodes[1].query(arrived).await? == "100000")
    })
    .await?;
    insert.join_next().await.context("the writer has ended")???;
    ensure!(most < MOST_BYTES, "{} MB were taken", most >> 20);
    cluster.wait_until_equal().await
}

/// Bytes that a process shares with nobody; nothing when it has just ended.
fn own_bytes(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes << 10)
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_deletion_is_remembered_for_as_long_as_a_member_is_away() -> Result<()> {
    let mut cluster = on_their_own(2).await?;
    for node in &mut cluster.nodes {
        node.configure("[replication]\ntombstones_kept_for = \"1s\"")?;
        node.stop().await?;
        node.start().await?;
    }
    cluster.wait_until_linked().await?;
    let rest = cluster.first().rest().await?;
    let (forgotten, remembered) = (make(&rest, "forgotten").await?, make(&rest, "remembered").await?);
    cluster.wait_until_all_have_all().await?;
    delete(&cluster, &forgotten).await?;
    let tombstones = "select count(*)::text from public.key where deleted";
    until("a deletion that all have seen is forgotten", 2 * PATIENCE, async || {
        Ok(cluster.first().query(tombstones).await? == "0")
    })
    .await?;

    cluster.nodes[1].stop().await?;
    delete(&cluster, &remembered).await?;
    // Purging was done every ten seconds.
    beats(cluster.first(), 30).await?;
    assert_eq!(
        cluster.first().query(tombstones).await?,
        "1",
        "one was away and has not seen it"
    );
    cluster.nodes[1].start().await?;
    cluster.wait_until_linked().await?;
    cluster.wait_until_all_have_all().await?;
    for node in &cluster.nodes {
        assert_eq!(
            node.query("select count(*)::text from live.key").await?,
            "0",
            "on {}",
            node.address
        );
    }
    cluster.wait_until_equal().await
}

async fn delete(cluster: &Cluster, id: &str) -> Result<()> {
    let rest = cluster.first().rest().await?;
    rest.delete(&format!("vault/keys2/{id}?type=id"))
        .await?
        .good()
        .map(drop)
}

/// Waits for so many heartbeats of a node, one a second.
async fn beats(node: &Node, number: i64) -> Result<()> {
    let beat = "select beat::text from live.heartbeat where number = replication.this_node()";
    let before: i64 = node.query(beat).await?.parse()?;
    until("the node has sent heartbeats", 2 * PATIENCE, async || {
        Ok(node.query(beat).await?.parse::<i64>()? >= before + number)
    })
    .await
}
