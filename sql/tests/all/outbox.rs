//! An outbox row is needed in WAL only.

use anyhow::Result;
use sql::replication;

use crate::node::{Alone, Pair};

const MANY: &str = "insert into public.item select 'i' || n from generate_series(1, 2000) n;
                    update public.item set value = repeat('x', 100)";

#[tokio::test]
async fn a_large_outbox_is_emptied_and_a_small_one_left() -> Result<()> {
    let node = Alone::start().await?;
    node.run(MANY).await?;
    assert_eq!(replication::empty_outboxes(&node.db, 1 << 30).await?, 0);
    assert_eq!(node.count("select count(*) from replication.outbox_item").await?, 2000);
    assert!(replication::empty_outboxes(&node.db, 1 << 16).await? > 1 << 16);
    assert_eq!(node.count("select count(*) from replication.outbox_item").await?, 0);
    assert_eq!(node.count("select count(*) from public.item").await?, 2000);
    Ok(())
}

#[tokio::test]
async fn a_new_row_needs_no_outbox() -> Result<()> {
    let node = Alone::start().await?;
    node.listen().await?;
    node.run("insert into public.item values ('a', 'x')").await?;
    assert_eq!(node.count("select count(*) from replication.outbox_item").await?, 0);
    assert_eq!(node.sent().await?, 1);
    Ok(())
}

#[tokio::test]
async fn an_outbox_that_is_being_written_is_not_waited_for() -> Result<()> {
    let node = Alone::start().await?;
    node.run(MANY).await?;
    let writer = node.session().await?;
    writer
        .batch_execute("begin; update public.item set value = 'y' where id = 'i1'")
        .await?;
    assert_eq!(replication::empty_outboxes(&node.db, 0).await?, 0);
    writer.batch_execute("commit").await?;
    assert!(replication::empty_outboxes(&node.db, 0).await? > 0);
    Ok(())
}

#[tokio::test]
async fn rows_of_an_emptied_outbox_still_arrive() -> Result<()> {
    let pair = Pair::apart().await?;
    pair.one.run(MANY).await?;
    replication::empty_outboxes(&pair.one.db, 0).await?;
    pair.link().await?;
    pair.settle().await?;
    let changed = "select count(*) from public.item where value is not null";
    assert_eq!(pair.two.count(changed).await?, 2000);
    Ok(())
}
