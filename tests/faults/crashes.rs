//! Deaths: of everything at once, of PostgreSQL again and again, of one backend. What was acknowledged is there, and what
//! arrives counts once.

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::task::JoinSet;

use super::{has_all, make, on_their_own};
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_the_death_of_all_nodes_in_whatever_order_they_come_back() -> Result<()> {
    let mut cluster = on_their_own(3).await?;
    for node in &cluster.nodes {
        let settings = "select current_setting('fsync') || ' ' || current_setting('full_page_writes') || ' '
                            || current_setting('synchronous_commit')";
        assert_eq!(
            node.query(settings).await?,
            "on on local",
            "a commit waits for the disk"
        );
    }
    let mut acknowledged = Vec::new();
    for (round, order) in [[2, 0, 1], [1, 2, 0]].into_iter().enumerate() {
        acknowledged.extend(keys_until_all_die(&mut cluster, round).await?);
        for place in order {
            cluster.nodes[place].start().await?;
        }
        cluster.wait_until_linked().await?;
        cluster.wait_until_equal().await?;
    }
    for node in &cluster.nodes {
        has_all(node, &acknowledged).await?;
    }
    Ok(())
}

/// Makes keys on all nodes until everything of them is killed. The ids of those that were acknowledged.
async fn keys_until_all_die(cluster: &mut Cluster, round: usize) -> Result<Vec<String>> {
    let mut writers = JoinSet::new();
    for node in &cluster.nodes {
        let (rest, address) = (node.rest().await?, node.address);
        writers.spawn(async move {
            let mut ids = Vec::new();
            // The first that is not acknowledged is the node's death.
            while let Ok(id) = make(&rest, &format!("{round}-{address}-{}", ids.len())).await {
                ids.push(id);
            }
            ids
        });
    }
    for node in &cluster.nodes {
        let some = format!(
            "select (count(*) > 20)::text from live.key where name like '{round}-{}-%'",
            node.address
        );
        until("every node has taken some keys", PATIENCE, async || {
            Ok(node.query(&some).await? == "true")
        })
        .await?;
    }
    for node in &mut cluster.nodes {
        node.kill_everything().await?;
    }
    let mut acknowledged = Vec::new();
    while let Some(ids) = writers.join_next().await {
        acknowledged.extend(ids?);
    }
    Ok(acknowledged)
}

#[tokio::test]
async fn what_arrives_while_a_postgresql_is_killed_again_counts_once() -> Result<()> {
    counts_once(5).await
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn what_arrives_while_a_postgresql_is_killed_fifty_times_counts_once() -> Result<()> {
    counts_once(50).await
}

/// Counts every row that arrives, in the transaction that it arrives in.
const COUNT: &str = "
    create table public.arrived (id text, version bigint);
    grant insert on public.arrived to keystead_apply;
    create function public.count_arrival() returns trigger language plpgsql as
        $$ begin insert into public.arrived values (new.id, new.version); return new; end $$;
    create trigger a_count before insert on public.key for each row execute function public.count_arrival();
    alter table public.key enable replica trigger a_count";

async fn counts_once(times: usize) -> Result<()> {
    let cluster = on_their_own(2).await?;
    let [writer, reader] = [&cluster.nodes[0], &cluster.nodes[1]];
    reader.db(sql::database::CLUSTER).await?.batch_execute(COUNT).await?;
    let mut ids = Vec::new();
    for turn in 0..times {
        ids.extend(arrives_and_dies(writer, reader, turn).await?);
    }
    cluster.wait_until_all_have_all().await?;
    let counted =
        "select count(*) || ' ' || count(distinct id) || ' ' || count(distinct (id, version)) from public.arrived";
    let expected = ids.len();
    assert_eq!(
        reader.query(counted).await?,
        format!("{expected} {expected} {expected}")
    );
    has_all(reader, &ids).await?;
    let lost = "the link from a peer has lost something";
    assert!(!reader.logged().contains(lost), "nothing had to be read anew");
    cluster.wait_until_equal().await
}

/// Kills a PostgreSQL as soon as a key has arrived there, and makes another meanwhile. The ids of both.
async fn arrives_and_dies(writer: &Node, reader: &Node, turn: usize) -> Result<[String; 2]> {
    let rest = writer.rest().await?;
    let last = make(&rest, &format!("killed-after-{turn}")).await?;
    let arrived = format!("select exists (select from public.arrived where id = '{last}')::text");
    until("the key has arrived", PATIENCE, async || {
        Ok(reader.query(&arrived).await? == "true")
    })
    .await?;
    reader.kill_postgres()?;
    let meanwhile = make(&rest, &format!("while-away-{turn}")).await?;
    until("the killed PostgreSQL answers", PATIENCE, async || {
        Ok(reader.query("select 'x'").await? == "x")
    })
    .await?;
    Ok([last, meanwhile])
}

#[tokio::test]
async fn one_backend_that_is_killed_for_memory_costs_nothing() -> Result<()> {
    let cluster = on_their_own(2).await?;
    let [writer, victim] = [&cluster.nodes[0], &cluster.nodes[1]];
    let postmaster = victim.postmaster()?;
    let (rest, mut ids) = (victim.rest().await?, Vec::new());
    for (turn, kind) in ["logical replication", "client backend", "walsender"]
        .into_iter()
        .enumerate()
    {
        ids.push(make(&rest, &format!("before-{turn}")).await?);
        kill(backend(victim, kind).await?, Signal::SIGKILL)?;
        ids.push(make(&writer.rest().await?, &format!("meanwhile-{turn}")).await?);
        // All other backends go with it: what they share may be spoilt.
        until(
            &format!("the node takes keys after its {kind} was killed"),
            PATIENCE,
            async || {
                let made = rest
                    .post("vault/keys2", &json!({"name": format!("after-{turn}")}))
                    .await?
                    .good()?;
                ids.push(made["id"].as_str().context("an id")?.to_owned());
                Ok(true)
            },
        )
        .await?;
        cluster.wait_until_all_have_all().await?;
    }
    assert_eq!(victim.postmaster()?, postmaster, "PostgreSQL has mended itself");
    for node in &cluster.nodes {
        has_all(node, &ids).await?;
    }
    cluster.wait_until_linked().await?;
    cluster.wait_until_equal().await
}

/// A process of a kind that begins so, which works for replication or for the agent.
async fn backend(node: &Node, kind: &str) -> Result<Pid> {
    let query = format!(
        "select pid::text from pg_stat_activity where starts_with(backend_type, '{kind}')
            and backend_type not like '%launcher' and pid <> pg_backend_pid() limit 1"
    );
    let mut pid = String::new();
    until(&format!("there is a {kind}"), PATIENCE, async || {
        pid = node.query(&query).await?;
        ensure!(!pid.is_empty(), "none");
        Ok(true)
    })
    .await?;
    Ok(Pid::from_raw(pid.parse()?))
}
