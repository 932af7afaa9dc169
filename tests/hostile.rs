//! What a node that means harm gets from the PostgreSQL of another: no more than it was given, and no time of it.
//!
//! Over PostgreSQL's port, with certificates of the cluster. What it may do with every function is in
//! `sql/tests/all/hostile.rs`.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tokio::io::AsyncWriteExt as _;

use crate::access::{Way, give_like};
use crate::harness::node::PATIENCE;
use crate::harness::wait::until;
use crate::harness::{Cluster, Node, cli};
use crate::refusals::ticket;

/// A type of the caller's own in the place of one that our functions name, with a check that the owner's rights run.
const EXPLOIT: &str = "create function pg_temp.rise(text) returns boolean language plpgsql as
    $$ begin execute format('alter role %I superuser', session_user); return true; end $$;
    create domain pg_temp.text as pg_catalog.text check (pg_temp.rise(value));
    select peer.call('hello', '{}');";

/// Functions with their owner's rights that are a superuser's, and workers that apply as one.
const TOO_MIGHTY: &str = "select concat(
    (select string_agg(p.oid::regprocedure::text, ',') from pg_proc p join pg_roles r on r.oid = proowner
     where prosecdef and (rolsuper or not 'search_path=pg_catalog, pg_temp' = any (coalesce(proconfig, '{}')))),
    (select string_agg(usename, ',') from pg_stat_activity join pg_roles on rolname = usename
     where rolsuper and (backend_type like '%apply worker%' or backend_type = 'logical replication worker')))";

#[tokio::test]
async fn a_guest_and_a_member_stay_what_they_are_and_hold_nothing_up() -> Result<()> {
    let mut cluster = Cluster::new(2).await?;
    let outsider = cluster.lab.single().await?;
    let member = Way::of(&cluster.nodes[1], cluster.first()).await?;
    let guest = guest(&cluster, &outsider, &member).await?;
    for node in &cluster.nodes {
        assert_eq!(node.query(TOO_MIGHTY).await?, "", "on {}", node.address);
    }
    let node = cluster.first();
    for way in [&guest, &member] {
        let exploited = cli::run(way.psql()?.args(["--command", EXPLOIT]), "").await?;
        ensure!(exploited.stderr.contains("permission denied"), "{exploited:?}");
        let rose = format!("select rolsuper::text from pg_roles where rolname = '{}'", way.role);
        assert_eq!(node.query(&rose).await?, "false", "{}", way.role);
        does_not_stay_in_a_transaction(node, way).await?;
    }
    nobody_else_is_reached_for_a_guest_and_nobody_waits_for_it(&guest, &outsider).await?;
    a_copy_of_the_server_is_cut_off(node, &member).await?;
    a_slot_of_its_own_is_dropped(node, &member).await?;
    what_it_did_is_an_alarm(node, &member).await?;
    rows_that_no_node_writes_are_set_aside(&cluster).await?;
    cluster.wait_until_equal().await
}

/// A node that is asked whether it reaches another would find out which ports are open anywhere; and one that accepts and says
/// nothing takes seconds to give up on.
async fn nobody_else_is_reached_for_a_guest_and_nobody_waits_for_it(guest: &Way, outsider: &Node) -> Result<()> {
    let asked = ask(guest, "reach", r#"{"address": {"host": "127.0.0.1", "port": 22}}"#).await?;
    until("the question is refused", PATIENCE, async || {
        let said = answer(guest, &asked).await?;
        Ok(said.contains("is not the address that this node's certificate"))
    })
    .await?;

    let silent = tokio::net::TcpListener::bind((outsider.address, 0)).await?;
    let port = silent.local_addr()?.port();
    let slow = format!(r#"{{"address": {{"host": "{}", "port": {port}}}}}"#, outsider.address);
    let slow = ask(guest, "reach", &slow).await?;
    let _held = silent.accept().await?;
    let quick = ask(guest, "hello", "{}").await?;
    until("the later question is answered", PATIENCE, async || {
        Ok(answer(guest, &quick).await?.contains("cluster_id"))
    })
    .await?;
    assert_eq!(
        answer(guest, &slow).await?,
        "",
        "the earlier one is still being answered"
    );
    Ok(())
}

/// Leaves a call; its number.
async fn ask(way: &Way, kind: &str, body: &str) -> Result<String> {
    let call = format!("select peer.call('{kind}', '{body}')");
    let said = cli::run(way.psql()?.args(["--command", &call]), "").await?;
    Ok(said.text()?.trim().to_owned())
}

/// The answer to a call; nothing while there is none.
async fn answer(way: &Way, call: &str) -> Result<String> {
    let fetch = format!("select peer.answer({call})");
    let said = cli::run(way.psql()?.args(["--command", &fetch]), "").await?;
    Ok(said.text()?.trim().to_owned())
}

/// PostgreSQL lets every role that may replicate take one, over a connection for logical replication too.
async fn a_copy_of_the_server_is_cut_off(node: &Node, member: &Way) -> Result<()> {
    let way = Way {
        more: "sslmode=verify-full replication=database",
        ..member.clone()
    };
    let mut psql = way.psql()?;
    let mut copy = psql
        .args(["--command", "BASE_BACKUP (CHECKPOINT 'fast', MAX_RATE 32)"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    until("the copy was cut off", PATIENCE, async || {
        Ok(copy.try_wait()?.is_some_and(|ended| !ended.success()))
    })
    .await?;
    until("the end is in the log", PATIENCE, async || {
        Ok(node.logged().contains("it copies the server"))
    })
    .await
}

/// A slot that nobody reads keeps WAL without an end.
async fn a_slot_of_its_own_is_dropped(node: &Node, member: &Way) -> Result<()> {
    let way = Way {
        more: "sslmode=verify-full replication=database",
        ..member.clone()
    };
    let made = cli::run(
        way.psql()?
            .args(["--command", "CREATE_REPLICATION_SLOT mine LOGICAL pgoutput"]),
        "",
    )
    .await?;
    ensure!(made.stderr.is_empty(), "{made:?}");
    until("the slot was dropped", PATIENCE, async || {
        let count = "select count(*)::text from pg_replication_slots where slot_name = 'mine'";
        Ok(node.query(count).await? == "0")
    })
    .await
}

async fn what_it_did_is_an_alarm(node: &Node, member: &Way) -> Result<()> {
    let id = member.role.trim_start_matches("peer_");
    let raised =
        format!("select count(*)::text from public.alarm where kind = 'peer-misuse' and raised and subject = '{id}'");
    until("the alarm was raised", PATIENCE, async || {
        Ok(node.query(&raised).await? == "1")
    })
    .await
}

/// Past its own triggers a superuser of a member can send what it likes. It stops nothing, here or on any other.
async fn rows_that_no_node_writes_are_set_aside(cluster: &Cluster) -> Result<()> {
    let [node, hostile] = &cluster.nodes[..] else {
        anyhow::bail!("there are two nodes")
    };
    let in_force = "select up_to::text from replication.rules_in_force";
    until("the rules are in force", PATIENCE, async || {
        Ok(node.query(in_force).await? != "0" && hostile.query(in_force).await? != "0")
    })
    .await?;
    let bad = "begin; set local session_replication_role = replica; alter table public.node disable trigger merge;
        insert into public.node
        select 'not an id', 2147483647, 'h', 1, '', 'ready', 'ready', '', now(), replication.version_now(),
               replication.this_node(), false;
        alter table public.node enable replica trigger merge;
        delete from public.node where id = 'not an id'; commit";
    hostile.db(sql::database::CLUSTER).await?.batch_execute(bad).await?;
    let raised = "select string_agg(subject, ' ') from public.alarm where kind = 'bad-rows' and raised and origin = 1";
    until("the alarm was raised", PATIENCE, async || {
        Ok(node.query(&format!("select coalesce(({raised}), '')")).await? == hostile.id().await?)
    })
    .await?;
    assert_eq!(node.query("select count(*)::text from public.node").await?, "2");
    let forget = "delete from replication.bad_row";
    Ok(node.db(sql::database::CLUSTER).await?.batch_execute(forget).await?)
}

/// A session that listens in a transaction would hold the queue of notifications for all.
async fn does_not_stay_in_a_transaction(node: &Node, way: &Way) -> Result<()> {
    let idle = format!(
        "select count(*)::text from pg_stat_activity where usename = '{}' and state = 'idle in transaction'",
        way.role
    );
    let mut psql = way.psql()?;
    let mut psql = psql
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = psql.stdin.take().context("psql has no input")?;
    input
        .write_all(b"set idle_in_transaction_session_timeout = 0; set statement_timeout = 0;\n")
        .await?;
    input.write_all(b"listen keystead_node; begin; select 1;\n").await?;
    until("the session is idle in its transaction", PATIENCE, async || {
        Ok(node.query(&idle).await? == "1")
    })
    .await?;
    until("the session was ended", PATIENCE, async || {
        Ok(node.query(&idle).await? == "0")
    })
    .await?;
    let told = format!("ending a session of another node role=\"{}\"", way.role);
    until("the end is in the log", PATIENCE, async || {
        let logged = node.logged();
        Ok(logged.contains(&told) || logged.contains(&told.replace('"', "")))
    })
    .await
}

/// The way of a node that was signed and never joins.
async fn guest(cluster: &Cluster, outsider: &Node, like: &Way) -> Result<Way> {
    let signed = ticket(cluster.first(), outsider, &outsider.address.to_string()).await?;
    let text = |name: &str| signed[name].as_str().context("not signed").map(str::to_owned);
    let file = |name: &str, pem: &str| -> Result<PathBuf> {
        let path = PathBuf::from(cluster.lab.file(name, pem)?);
        give_like(&path, &like.key)?;
        Ok(path)
    };
    let key = std::fs::read_to_string(outsider.data().join("pending/node.key"))?;
    let id = certs::Identity::from_pem(&text("cert")?)?.node_id;
    Ok(Way {
        role: format!("peer_{id}"),
        certificate: file("guest.crt", &text("cert")?)?,
        key: file("guest.key", &key)?,
        authority: file("guest-ca.crt", &text("cachain")?)?,
        ..like.clone()
    })
}
