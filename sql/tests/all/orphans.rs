//! What becomes of the rows that a removed node wrote last: what is told of them, and what is sent on.

use anyhow::{Context as _, Result};
use keystead::clock::Micros;
use keystead::{NodeId, NodeNumber};
use sql::orphan;

use crate::node::Alone;

/// An account and a key with something secret, and a row that another node wrote.
const ROWS: &str = "
    insert into public.account values ('a', 'name', 'hash', false, now());
    insert into public.key values ('k', 'key', 'Active', 'AES', 256, 0, '', false, false, '', 0, 1, 'secret');
    insert into public.item values ('mine', 'x'), ('gone', 'x');
    delete from public.item where id = 'gone'";

#[tokio::test]
async fn orphans_are_the_own_rows_after_a_time_without_what_is_secret() -> Result<()> {
    let node = Alone::start().await?;
    node.run("insert into public.item values ('old', 'x')").await?;
    let old = node.count("select version from public.item").await?;
    node.run(ROWS).await?;
    node.apply("insert into replication.outbox_item values ('other', 'x', 5000000000000000, 9, false)")
        .await?;
    let writer: NodeId = "a".repeat(32).parse()?;
    let orphans = orphan::all(&node.db, Micros(old), &writer).await?;
    let told = |relation: &str, id: &str| {
        let found = orphans
            .iter()
            .find(|orphan| orphan.relation == relation && orphan.key["id"] == id);
        found.with_context(|| format!("{relation} {id}"))
    };
    assert_eq!(orphans.len(), 4, "{orphans:?}");
    assert!(told("item", "gone")?.deleted && !told("item", "mine")?.deleted);
    let (account, key) = (told("account", "a")?, told("key", "k")?);
    assert_eq!(
        (&account.content["username"], &key.content["name"]),
        (&"name".into(), &"key".into())
    );
    for secret in ["password_hash", "wrapped", "version", "origin", "deleted"] {
        assert!(
            account.content.get(secret).is_none() && key.content.get(secret).is_none(),
            "{secret}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn rows_of_another_node_are_sent_on_as_they_are() -> Result<()> {
    let node = Alone::start().await?;
    node.run("insert into public.item values ('mine', 'x')").await?;
    node.apply(
        "insert into replication.outbox_item values ('before', 'x', 1000, 2, false), ('after', 'y', 2000, 2, true),
                                                    ('third', 'z', 2000, 3, false)",
    )
    .await?;
    assert_eq!(orphan::send_on(&node.db, NodeNumber(2), Micros(1000)).await?, 1);
    let sent =
        "select string_agg(concat_ws(' ', id, value, version, origin, deleted), ', ') from replication.outbox_item
                where origin <> 1";
    assert_eq!(node.text(sent).await?, "after y 2000 2 t");
    Ok(())
}
