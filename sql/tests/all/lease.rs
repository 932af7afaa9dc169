//! The membership lease, as one member grants it.

use anyhow::Result;
use keystead::NodeNumber;
use sql::{lease, link};

use crate::node::{Alone, PATIENCE, refused};
use crate::wait;

#[tokio::test]
async fn a_second_holder_is_refused_until_the_first_ends() -> Result<()> {
    let node = Alone::start().await?;
    assert!(lease::grant(&node.db, "first", 60).await?.granted);
    assert!(!lease::grant(&node.db, "second", 60).await?.granted);
    assert!(
        lease::grant(&node.db, "first", 60).await?.granted,
        "the holder may ask again"
    );
    lease::end(&node.db, "second").await?;
    assert!(
        !lease::grant(&node.db, "second", 60).await?.granted,
        "only the holder can end it"
    );
    lease::end(&node.db, "first").await?;
    assert!(lease::grant(&node.db, "second", 60).await?.granted);
    Ok(())
}

#[tokio::test]
async fn a_holder_that_died_holds_it_for_its_time_only() -> Result<()> {
    let node = Alone::start().await?;
    assert!(lease::grant(&node.db, "first", 1).await?.granted);
    let second = async || Ok(lease::grant(&node.db, "second", 60).await?.granted);
    wait::until("the lease of the dead holder ends", PATIENCE, second).await
}

#[tokio::test]
async fn a_number_that_was_set_aside_is_remembered_though_no_node_has_it() -> Result<()> {
    let node = Alone::start().await?;
    lease::grant(&node.db, "first", 60).await?;
    assert!(
        !lease::reserve(&node.db, "second", NodeNumber(5)).await?,
        "only the holder may"
    );
    assert!(lease::reserve(&node.db, "first", NodeNumber(5)).await?);
    lease::end(&node.db, "first").await?;
    let next = lease::grant(&node.db, "second", 60).await?;
    assert_eq!(
        (next.highest, next.is_fresh),
        (NodeNumber(5), true),
        "its node may still be unheard of"
    );
    node.run("update replication.lease set reserved_at = reserved_at - interval '2 minutes'")
        .await?;
    let later = lease::grant(&node.db, "second", 60).await?;
    assert_eq!((later.highest, later.is_fresh), (NodeNumber(5), false));
    node.run("insert into public.node values ('n', 9, 'h', 5432, '', 'removed', 'ready', 's')")
        .await?;
    assert_eq!(
        lease::grant(&node.db, "second", 60).await?.highest,
        NodeNumber(9),
        "removed nodes count too"
    );
    Ok(())
}

#[tokio::test]
async fn only_a_member_may_ask_for_it() -> Result<()> {
    let node = Alone::start().await?;
    link::make_role(&node.db, "peer_n").await?;
    link::admit(&node.db, "peer_n").await?;
    let peer = node.session_as("peer_n").await?;
    let ask = "select peer.grant_lease('n', 60)";
    assert_eq!(refused(&peer, ask).await?.message(), "only a member may ask this");
    node.run("insert into public.node values ('n', 9, 'h', 5432, '', 'joining', 'creating', 's')")
        .await?;
    assert_eq!(refused(&peer, ask).await?.message(), "only a member may ask this");
    node.run("update public.node set state = 'ready'").await?;
    assert!(lease::grant(&peer, "n", 60).await?.granted);
    Ok(())
}
