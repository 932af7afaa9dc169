//! What a peer's role may do: what the schema `peer` grants, reading what it gets anyway, and nothing else.

use anyhow::Result;
use sql::{digest, link};
use tokio_postgres::error::SqlState;

use crate::node::{Alone, refused};

const PEER: &str = "peer_00000000000000000000000000000002";
const ENTER: &str =
    "insert into public.node values ('00000000000000000000000000000002', 2, 'h', 5432, '', 'joining', 'creating', 's')";

#[tokio::test]
async fn a_peer_may_do_nothing_but_what_it_is_granted() -> Result<()> {
    let node = Alone::start().await?;
    link::make_role(&node.db, PEER).await?;
    link::admit(&node.db, PEER).await?;
    node.run(ENTER).await?;
    let peer = node.session_as(PEER).await?;
    let forbidden = [
        "insert into public.node values ('x', 3, 'h', 5432, '', 'ready', 'ready', 's')",
        "update public.node set state = 'ready'",
        "delete from public.key",
        "truncate replication.outbox_key",
        "insert into replication.outbox_node values ('x', 3, 'h', 5432, '', 'ready', 'ready', 's', now(), 1, 1, false)",
        "select * from replication.call",
        "update replication.call set answer = '{}'",
        "select * from replication.lease",
        "select replication.enlist('public.item')",
        "select replication.become_node(9)",
        "select replication.empty_outboxes(0)",
        "select replication.wait_for_peers(1)",
        "insert into public.cluster_property values ('ack', 'local')",
        "select replication.watch_slots()",
        "select replication.send_in_lanes(2)",
        "insert into public.lane_beat values (1, 1, 9)",
        "select * from replication.resync",
        "delete from replication.fence",
        "create table public.mine (id integer)",
        "create table peer.mine (id integer)",
        "create schema mine",
        "create role mine",
        "alter role keystead nologin",
        "set role keystead",
        "set session_replication_role = replica",
        "alter system set fsync = off",
        "create subscription s connection '' publication p",
        "drop publication keystead",
        "select pg_read_file('postgresql.conf')",
        "copy public.node to '/tmp/stolen'",
        "copy public.node to program 'cat'",
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'keystead'",
    ];
    for statement in forbidden {
        let refused = refused(&peer, statement).await?;
        assert_eq!(
            *refused.code(),
            SqlState::INSUFFICIENT_PRIVILEGE,
            "{statement}: {refused}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_peer_may_do_what_joining_and_checking_need() -> Result<()> {
    let node = Alone::start().await?;
    link::make_role(&node.db, PEER).await?;
    link::admit(&node.db, PEER).await?;
    node.run(ENTER).await?;
    let peer = node.session_as(PEER).await?;
    let kept_from = link::keep_changes(&peer).await?;
    assert_eq!(
        link::keep_changes(&peer).await?,
        kept_from,
        "asking again changes nothing"
    );
    assert_eq!(
        link::actual(&node.db).await?.slots.into_iter().collect::<Vec<_>>(),
        ["keystead_1_to_2"]
    );
    assert!(link::my_lag(&peer).await?.is_some());
    assert_eq!(digest::all(&peer).await?, digest::all(&node.db).await?);
    peer.batch_execute("select * from public.node; select * from public.key; select * from public.account")
        .await?;
    Ok(())
}

#[tokio::test]
async fn changes_are_kept_for_nodes_of_the_cluster_only() -> Result<()> {
    let node = Alone::start().await?;
    link::make_role(&node.db, PEER).await?;
    link::admit(&node.db, PEER).await?;
    let peer = node.session_as(PEER).await?;
    let is_refused = async || {
        for keep in [
            "select peer.keep_changes()",
            "select peer.keep_changes_anew()",
            "select peer.keep_lane(1)",
            "select peer.end_lane(1)",
        ] {
            let refused = refused(&peer, keep).await?;
            assert_eq!(refused.message(), "only a node of this cluster may ask this");
        }
        Ok::<_, anyhow::Error>(())
    };
    is_refused().await?;
    node.run(ENTER).await?;
    node.run("update public.node set state = 'removed'").await?;
    is_refused().await?;
    assert!(link::actual(&node.db).await?.slots.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_role_that_is_dropped_leaves_nothing_and_its_sessions_end() -> Result<()> {
    let node = Alone::start().await?;
    link::make_role(&node.db, PEER).await?;
    link::admit(&node.db, PEER).await?;
    let peer = node.session_as(PEER).await?;
    sql::call::ask(&peer, "hello", &serde_json::json!({})).await?;
    link::end_sessions(&node.db, PEER).await?;
    assert!(peer.batch_execute("select 1").await.is_err());
    link::drop_role(&node.db, PEER).await?;
    assert!(link::actual(&node.db).await?.roles.is_empty());
    assert!(sql::call::pending(&node.db).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_guest_may_leave_a_call_and_nothing_else() -> Result<()> {
    let node = Alone::start().await?;
    link::make_role(&node.db, PEER).await?;
    let guest = node.session_as(PEER).await?;
    sql::call::ask(&guest, "hello", &serde_json::json!({})).await?;
    assert!(!link::is_admitted(&guest).await?);
    let forbidden = [
        "select * from public.account",
        "select * from live.node",
        "select peer.keep_changes()",
        "select peer.keep_changes_anew()",
        "select peer.slot_kept()",
        "select peer.keep_lane(1)",
        "select peer.end_lane(1)",
        "select * from peer.past()",
        "select * from peer.heard_of_me()",
        "select peer.grant_lease('g', 5)",
        "select * from peer.tables()",
        "select * from peer.digest(16, 1, 0)",
        "select peer.purged_up_to()",
        "select * from peer.rows_of_buckets('public.key', 16, '{1}')",
        "select * from peer.rows_of_keys('public.key', '[]')",
        "select pg_create_logical_replication_slot('mine', 'pgoutput')",
    ];
    for statement in forbidden {
        let refused = refused(&guest, statement).await?;
        assert_eq!(
            *refused.code(),
            SqlState::INSUFFICIENT_PRIVILEGE,
            "{statement}: {refused}"
        );
    }
    node.run(ENTER).await?;
    link::admit(&node.db, PEER).await?;
    assert!(link::is_admitted(&guest).await?, "recorded, it is a peer at once");
    link::keep_changes(&guest).await?;
    Ok(())
}
