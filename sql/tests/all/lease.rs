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
    lease::end(&node.db, "second", NodeNumber(7)).await?;
    assert!(
        !lease::grant(&node.db, "second", 60).await?.granted,
        "only the holder can end it"
    );
    lease::end(&node.db, "first", NodeNumber(2)).await?;
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
async fn a_number_that_was_given_is_remembered_though_no_node_has_it() -> Result<()> {
    let node = Alone::start().await?;
    lease::grant(&node.db, "first", 60).await?;
    lease::end(&node.db, "first", NodeNumber(5)).await?;
    assert_eq!(lease::grant(&node.db, "second", 60).await?.highest, NodeNumber(5));
    node.run("insert into public.node values ('n', 9, 'h', 5432, '', 'removed', 's')")
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
    let peer = node.session_as("peer_n").await?;
    let ask = "select peer.grant_lease('n', 60)";
    assert_eq!(refused(&peer, ask).await?.message(), "only a member may ask this");
    node.run("insert into public.node values ('n', 9, 'h', 5432, '', 'joining', 's')")
        .await?;
    assert_eq!(refused(&peer, ask).await?.message(), "only a member may ask this");
    node.run("update public.node set state = 'ready'").await?;
    assert!(lease::grant(&peer, "n", 60).await?.granted);
    Ok(())
}
