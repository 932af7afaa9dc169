//! The membership lease, as one member grants it.

use anyhow::Result;
use keystead::NodeNumber;
use keystead::join::request::Address;
use keystead::join::stage::Stage;
use keystead::member::roster::{Member, NodeState};
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
    let second = async || Ok(lease::grant(&node.db, "second", 60).await?.granted);
    wait::until("it is granted again", PATIENCE, second).await
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
    let second = async || Ok(lease::grant(&node.db, "second", 60).await?.granted);
    wait::until("it is granted again", PATIENCE, second).await?;
    assert_eq!(lease::grant(&node.db, "second", 60).await?.highest, NodeNumber(5));
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
async fn a_node_is_recorded_by_the_holder_alone_and_stays_as_it_was_recorded_first() -> Result<()> {
    let node = Alone::start().await?;
    let joiner = |number: i32| -> Result<Member> {
        Ok(Member {
            id: "a".repeat(32).parse()?,
            number: NodeNumber(number),
            address: Address {
                host: "10.0.0.2".to_owned(),
                port: 5432,
            },
            public_address: "https://public".to_owned(),
            state: NodeState::Joining,
            stage: Stage::Creating,
            serial: "5e".to_owned(),
            row_version: 0,
        })
    };
    lease::grant(&node.db, "first", 60).await?;
    assert!(!lease::record_node(&node.db, "second", &joiner(7)?).await?);
    assert!(sql::node::all(&node.db).await?.nodes.is_empty());
    assert!(lease::record_node(&node.db, "first", &joiner(7)?).await?);
    assert!(lease::record_node(&node.db, "first", &joiner(8)?).await?);
    let nodes = sql::node::all(&node.db).await?.nodes;
    let row_version = nodes.first().map_or(0, |node| node.row_version);
    assert_eq!(
        nodes,
        [Member {
            row_version,
            ..joiner(7)?
        }]
    );
    lease::end(&node.db, "first").await?;
    assert!(!lease::record_node(&node.db, "first", &joiner(7)?).await?);
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

/// Or a member that takes it again at once would keep it from all others.
#[tokio::test]
async fn who_had_the_lease_for_long_lets_another_go_first() -> Result<()> {
    let node = Alone::start().await?;
    link::make_role(&node.db, "peer_n").await?;
    link::admit(&node.db, "peer_n").await?;
    let peer = node.session_as("peer_n").await?;
    node.run("insert into public.node values ('n', 9, 'h', 5432, '', 'ready', 'ready', 's')")
        .await?;
    assert!(lease::grant(&peer, "greedy", 60).await?.granted);
    node.run("update replication.lease set since = clock_timestamp() - interval '1 minute', until = clock_timestamp()")
        .await?;
    assert!(!lease::grant(&peer, "greedy", 60).await?.granted);
    assert!(lease::grant(&node.db, "patient", 60).await?.granted);
    Ok(())
}
