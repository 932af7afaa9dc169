//! How an arriving row meets the one that is here. Rows arrive here by hand, so that their order is the test's.

use anyhow::Result;

use crate::node::{Alone, Node};

/// A row of `item` as a node wrote it: value, version, origin, deleted.
fn item(value: &str, version: i64, origin: i32, deleted: bool) -> String {
    format!("insert into replication.outbox_item values ('a', '{value}', {version}, {origin}, {deleted});")
}

/// A key as a node wrote it: state, version, origin, deleted. The description tells which row won.
fn key(state: &str, version: i64, origin: i32, deleted: bool) -> String {
    format!(
        "insert into replication.outbox_key values
            ('k', 'name', '{state}', 'AES', 256, 12, '{version}-{origin}', false, false, 'f', 0, 1, '\\x00', null,
             'epoch', 'epoch', null, {version}, {origin}, {deleted});"
    )
}

/// A node as a node wrote it: public address, state, version.
fn member(public_address: &str, state: &str, version: i64) -> String {
    format!(
        "insert into replication.outbox_node values
            ('n', 2, 'host', 5432, '{public_address}', '{state}', 'ready', 's', 'epoch', {version}, 1, false);"
    )
}

/// What is left of rows that arrive in this order.
async fn merged(node: &Node, arriving: &[&String], query: &str) -> Result<String> {
    node.apply("delete from public.item; delete from public.key; delete from public.node")
        .await?;
    for row in arriving {
        node.apply(row).await?;
    }
    node.text(query).await
}

/// What is left of rows whatever their order; fails when the order matters.
async fn merged_in_any_order(node: &Node, arriving: &[String], query: &str) -> Result<String> {
    let rows: Vec<&String> = arriving.iter().collect();
    let first = merged(node, &rows, query).await?;
    for order in orders(&rows) {
        assert_eq!(merged(node, &order, query).await?, first, "in the order {order:?}");
    }
    Ok(first)
}

fn orders<T: Copy>(of: &[T]) -> Vec<Vec<T>> {
    let Some((first, rest)) = of.split_first() else {
        return vec![vec![]];
    };
    let inserted = |order: Vec<T>| {
        (0..=order.len()).map(move |at| {
            let mut longer = order.clone();
            longer.insert(at, *first);
            longer
        })
    };
    orders(rest).into_iter().flat_map(inserted).collect()
}

#[tokio::test]
async fn the_older_version_loses_whichever_arrives_first() -> Result<()> {
    let node = Alone::start().await?;
    let rows = [
        item("old", 10, 9, false),
        item("new", 11, 1, false),
        item("older", 9, 5, false),
    ];
    assert_eq!(
        merged_in_any_order(&node, &rows, "select value from public.item").await?,
        "new"
    );
    Ok(())
}

#[tokio::test]
async fn of_two_rows_with_one_version_the_one_of_the_higher_origin_wins() -> Result<()> {
    let node = Alone::start().await?;
    let rows = [item("of one", 10, 1, false), item("of two", 10, 2, false)];
    assert_eq!(
        merged_in_any_order(&node, &rows, "select value from public.item").await?,
        "of two"
    );
    Ok(())
}

#[tokio::test]
async fn a_row_that_arrives_again_changes_nothing() -> Result<()> {
    let node = Alone::start().await?;
    let row = item("x", 10, 2, false);
    // Where the row is on disk: a row that is written again moves.
    let place = "select ctid::text from public.item";
    let before = merged(&node, &[&row], place).await?;
    node.apply(&row).await?;
    assert_eq!(node.text(place).await?, before);
    Ok(())
}

#[tokio::test]
async fn a_tombstone_that_arrives_first_keeps_the_older_insert_away() -> Result<()> {
    let node = Alone::start().await?;
    let rows = [item("x", 10, 2, false), item("x", 11, 3, true)];
    assert_eq!(
        merged_in_any_order(&node, &rows, "select count(*)::text from live.item").await?,
        "0"
    );
    Ok(())
}

#[tokio::test]
async fn an_arriving_row_keeps_its_version_and_origin_and_is_not_sent_on() -> Result<()> {
    let node = Alone::start().await?;
    node.listen().await?;
    merged(&node, &[&item("x", 10, 2, false)], "select value from public.item").await?;
    assert_eq!(
        node.text("select version || '-' || origin from public.item").await?,
        "10-2"
    );
    assert_eq!(node.sent().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_removed_node_stays_removed_and_takes_the_newer_address() -> Result<()> {
    let node = Alone::start().await?;
    let rows = [
        member("old", "removed", 10),
        member("new", "ready", 12),
        member("middle", "removing", 11),
    ];
    let query = "select state || ' ' || public_address from public.node";
    assert_eq!(merged_in_any_order(&node, &rows, query).await?, "removed new");
    Ok(())
}

#[tokio::test]
async fn a_key_takes_the_safest_of_all_states_that_any_node_gave_it() -> Result<()> {
    let node = Alone::start().await?;
    let rows = [
        key("Destroyed", 10, 1, false),
        key("Compromised", 11, 2, false),
        key("Active", 13, 1, false),
        key("Pre-Active", 12, 2, false),
    ];
    let query = "select state || ' ' || description from public.key";
    assert_eq!(
        merged_in_any_order(&node, &rows, query).await?,
        "Destroyed Compromised 13-1"
    );
    Ok(())
}

#[tokio::test]
async fn the_deletion_of_a_key_wins_over_a_change_with_a_later_version() -> Result<()> {
    let node = Alone::start().await?;
    let rows = [key("Active", 10, 1, true), key("Active", 99, 2, false)];
    assert_eq!(
        merged_in_any_order(&node, &rows, "select deleted::text from public.key").await?,
        "true"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_destroyed_or_deleted_gets_no_material_back_from_a_later_row() -> Result<()> {
    let node = Alone::start().await?;
    let renamed = key("Active", 99, 2, false);
    for gone in [key("Destroyed", 10, 1, false), key("Active", 10, 1, true)] {
        let rows = [gone.replace("'\\x00'", "null"), renamed.clone()];
        assert_eq!(
            merged_in_any_order(
                &node,
                &rows,
                "select (wrapped is null) || ' ' || version from public.key"
            )
            .await?,
            "true 99"
        );
    }
    Ok(())
}

#[tokio::test]
async fn rows_in_any_order_give_one_digest() -> Result<()> {
    let node = Alone::start().await?;
    let rows = [
        key("Active", 10, 1, false),
        key("Deactivated", 12, 2, false),
        key("Compromised", 11, 2, false),
        key("Active", 13, 1, true),
        key("Destroyed", 13, 3, false),
    ];
    let query = "select string_agg(relation || bucket || ' ' || total, ',') from replication.digest(16)";
    merged_in_any_order(&node, &rows, query).await?;
    Ok(())
}

#[tokio::test]
async fn a_local_write_cannot_take_a_state_back_either() -> Result<()> {
    let node = Alone::start().await?;
    node.apply(&member("", "removed", 10)).await?;
    node.run("update public.node set state = 'ready', public_address = 'x'")
        .await?;
    assert_eq!(
        node.text("select state || ' ' || public_address from public.node")
            .await?,
        "removed x"
    );
    Ok(())
}

#[tokio::test]
async fn a_key_that_may_not_leave_the_system_stays_so_whatever_a_later_row_says() -> Result<()> {
    let node = Alone::start().await?;
    let kept = key("Active", 10, 1, false).replace("false, false, 'f'", "true, false, 'f'");
    let rows = [kept, key("Active", 99, 2, false)];
    let query = "select unexportable || ' ' || description from public.key";
    assert_eq!(merged_in_any_order(&node, &rows, query).await?, "true 99-2");
    Ok(())
}
