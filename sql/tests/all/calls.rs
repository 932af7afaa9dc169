//! Calls between agents over PostgreSQL's port.

use anyhow::Result;
use serde_json::json;
use sql::listen::Listener;
use sql::{call, link};

use crate::node::{Alone, refused};

#[tokio::test]
async fn an_answer_is_given_once_and_only_to_its_caller() -> Result<()> {
    let node = Alone::start().await?;
    for role in ["peer_a", "peer_b"] {
        link::make_role(&node.db, role).await?;
    }
    let (caller, other) = (node.session_as("peer_a").await?, node.session_as("peer_b").await?);
    let id = call::ask(&caller, "greet", &json!({"name": "a"})).await?;

    let pending = call::pending(&node.db).await?;
    let asked: Vec<_> = pending
        .iter()
        .map(|call| (call.id, call.caller.as_str(), call.kind.as_str(), &call.body))
        .collect();
    assert_eq!(asked, [(id, "peer_a", "greet", &json!({"name": "a"}))]);
    assert_eq!(call::answer(&caller, id).await?, None, "nobody has answered yet");

    call::respond(&node.db, id, &json!("hello")).await?;
    assert!(call::pending(&node.db).await?.is_empty());
    assert_eq!(call::answer(&other, id).await?, None, "another peer gets nothing");
    assert_eq!(call::answer(&caller, id).await?, Some(json!("hello")));
    assert_eq!(call::answer(&caller, id).await?, None, "the answer was given");
    Ok(())
}

#[tokio::test]
async fn a_call_wakes_the_agent() -> Result<()> {
    let node = Alone::start().await?;
    let mut listener = Listener::open(&node.config, &[call::CHANNEL]).await?;
    call::ask(&node.db, "greet", &json!(null)).await?;
    assert_eq!(listener.hear().await, Some(()));
    Ok(())
}

#[tokio::test]
async fn a_call_that_is_too_large_is_refused() -> Result<()> {
    let node = Alone::start().await?;
    let large =
        "select peer.call('k', to_jsonb((select string_agg(md5(n::text), '') from generate_series(1, 4000) n)))";
    assert_eq!(refused(&node.db, large).await?.message(), "the call is too large");
    assert!(call::pending(&node.db).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn calls_that_nobody_came_back_for_are_forgotten() -> Result<()> {
    let node = Alone::start().await?;
    call::ask(&node.db, "old", &json!(null)).await?;
    node.run("update replication.call set asked_at = now() - interval '3 minutes'")
        .await?;
    call::ask(&node.db, "new", &json!(null)).await?;
    assert_eq!(call::forget_old(&node.db).await?, 1);
    assert_eq!(call::pending(&node.db).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_caller_may_leave_so_many_calls_and_so_many_bytes_and_no_more() -> Result<()> {
    let node = Alone::start().await?;
    for role in ["peer_a", "peer_b", "peer_c"] {
        link::make_role(&node.db, role).await?;
    }
    let many = node.session_as("peer_a").await?;
    for _ in 0..32 {
        call::ask(&many, "greet", &json!(null)).await?;
    }
    let one_more = "select peer.call('greet', 'null')";
    assert_eq!(
        refused(&many, one_more).await?.message(),
        "this node has too many calls open"
    );
    let large = node.session_as("peer_b").await?;
    let body =
        "select peer.call('greet', to_jsonb((select string_agg(md5(n::text), '') from generate_series(1, 1900) n)))";
    for _ in 0..5 {
        large.batch_execute(body).await?;
    }
    assert_eq!(
        refused(&large, one_more).await?.message(),
        "this node has too many calls open"
    );
    let other = node.session_as("peer_c").await?;
    let id = call::ask(&other, "greet", &json!(null)).await?;

    let pending = call::pending(&node.db).await?;
    let of = |caller: &str| pending.iter().filter(|call| call.caller == caller).count();
    assert_eq!((of("peer_a"), of("peer_b"), of("peer_c")), (4, 4, 1), "a few of each");
    assert!(
        pending.iter().take(3).any(|call| call.id == id),
        "nobody is behind the many"
    );

    node.run("update replication.call set asked_at = now() - interval '61 seconds'")
        .await?;
    assert!(call::pending(&node.db).await?.is_empty(), "nobody waits for these");
    call::ask(&many, "greet", &json!(null)).await?;
    Ok(())
}
