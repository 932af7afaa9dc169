//! Digests: equal when the data is, and only then.

use anyhow::Result;
use keystead::replication::digest::Agreement;
use sql::digest;

use crate::node::{Alone, Pair};

#[tokio::test]
async fn one_row_that_was_tampered_with_shows_in_one_bucket() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.one
        .run("insert into public.item select 'i' || n, 'x' from generate_series(1, 1000) n")
        .await?;
    pair.settle().await?;
    let sound = digest::all(&pair.one.db).await?;
    assert_eq!(sound, digest::all(&pair.two.db).await?);

    pair.two
        .apply("update public.item set value = 'y' where id = 'i500'")
        .await?;
    let open = Agreement::default().compare(&sound, &digest::all(&pair.two.db).await?);
    assert_eq!(open.len(), 1, "{open:?}");
    Ok(())
}

#[tokio::test]
async fn a_missing_row_and_a_lost_tombstone_show() -> Result<()> {
    let node = Alone::start().await?;
    node.run("insert into public.item values ('a', 'x'), ('b', 'y'); delete from public.item where id = 'b'")
        .await?;
    let whole = digest::all(&node.db).await?;
    for id in ["a", "b"] {
        node.apply(&format!(
            "create temporary table kept as select * from public.item where id = '{id}'"
        ))
        .await?;
        node.apply(&format!("delete from public.item where id = '{id}'"))
            .await?;
        assert_ne!(digest::all(&node.db).await?, whole, "without {id}");
        node.apply("insert into public.item select * from kept; drop table kept")
            .await?;
        assert_eq!(digest::all(&node.db).await?, whole, "with {id} again");
    }
    Ok(())
}

#[tokio::test]
async fn what_differs_between_nodes_by_nature_is_in_no_digest() -> Result<()> {
    let node = Alone::start().await?;
    let before = digest::all(&node.db).await?;
    node.run("insert into public.heartbeat values (1, 5, '{}'); insert into public.node_view values ('n', '{}')")
        .await?;
    assert_eq!(digest::all(&node.db).await?, before);
    Ok(())
}
