//! The first copy of a joining node.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use sql::{copy, digest};

use crate::node::{Node, Pair};

/// Rows with everything that could suffer on the way: bytes, nulls, enums, json, times, quotes, tombstones.
const AWKWARD: &str = r"
    insert into public.key select 'k' || n, E'na\\me \'' || n, 'Active', 'AES', 256, 12, E'tab\t line\n ünï', n % 2 = 0, false, 'f',
        0, 1, case n % 3 when 0 then null else decode(md5(n::text), 'hex') || '\x00ff0a5c'::bytea end,
        case n % 2 when 0 then null else timestamptz '2027-01-15 12:00:00.123456+01' end
        from generate_series(1, 500) n;
    update public.key set state = 'Destroyed Compromised' where id like '%7';
    delete from public.key where id like '%3';
    insert into public.item values ('empty', ''), ('null', null);
    insert into public.node values ('n', 1, 'h', 5432, '', 'ready', 'ready', 's');
    insert into public.cluster_key values ('ca', '\x', '\x00')";

#[tokio::test]
async fn a_copy_is_the_same_byte_for_byte() -> Result<()> {
    let pair = Pair::apart().await?;
    pair.one.run(AWKWARD).await?;
    pair.two.run("insert into public.item values ('stale', 'x')").await?;
    pair.two.listen().await?;
    let mut rows_told = 0;
    let tables = copy::tables(&pair.one.db).await?;
    for table in &tables {
        copy::table(&pair.one.db, &pair.two.db, table, |rows, _| rows_told += rows).await?;
        let whole = format!(
            "select coalesce(string_agg(t::text, E'\\n' order by t::text), '') from {} t",
            table.relation
        );
        assert_eq!(
            pair.two.text(&whole).await?,
            pair.one.text(&whole).await?,
            "{}",
            table.relation
        );
    }
    assert_eq!(rows_told, tables.iter().map(|table| table.rows).sum::<u64>());
    assert_eq!(digest::all(&pair.one.db).await?, digest::all(&pair.two.db).await?);
    assert_eq!(pair.two.sent().await?, 0, "a copy is not sent on");
    Ok(())
}

#[tokio::test]
async fn a_copy_that_was_cut_off_leaves_nothing_and_is_done_again() -> Result<()> {
    let pair = Pair::apart().await?;
    pair.one
        .run("insert into public.item select 'i' || n, repeat('x', 500) from generate_series(1, 20000) n")
        .await?;
    let table = item(&pair.one).await?;
    let source = pair.one.session().await?;
    let pid: i32 = source.query_one("select pg_backend_pid()", &[]).await?.get(0);

    let passed = AtomicU64::new(0);
    let cut = copy::table(&source, &pair.two.db, &table, |rows, _| {
        passed.fetch_add(rows, Ordering::Relaxed);
    });
    let kill = async {
        while passed.load(Ordering::Relaxed) < 100 {
            tokio::task::yield_now().await;
        }
        pair.one.run(&format!("select pg_terminate_backend({pid})")).await
    };
    let (cut, killed) = tokio::join!(cut, kill);
    killed?;
    assert!(
        cut.is_err(),
        "the source was killed after {} of 20000 rows",
        passed.into_inner()
    );
    assert_eq!(
        pair.two
            .session()
            .await?
            .query_one("select count(*) from public.item", &[])
            .await?
            .get::<_, i64>(0),
        0
    );

    copy::table(&pair.one.db, &pair.two.db, &table, |_, _| {})
        .await
        .context("again, over the same connection")?;
    assert_eq!(digest::all(&pair.one.db).await?, digest::all(&pair.two.db).await?);
    Ok(())
}

#[tokio::test]
async fn rows_that_arrive_again_after_the_copy_do_no_harm() -> Result<()> {
    let pair = Pair::apart().await?;
    pair.one
        .run("insert into public.item values ('a', 'before'), ('b', 'before')")
        .await?;
    copy::table(&pair.one.db, &pair.two.db, &item(&pair.one).await?, |_, _| {}).await?;
    pair.one
        .run("update public.item set value = 'after' where id = 'a'")
        .await?;
    // The slot is older than the copy, so the copied rows come once more.
    pair.link().await?;
    pair.settle().await?;
    assert_eq!(
        pair.two
            .text("select string_agg(value, ',' order by id) from live.item")
            .await?,
        "after,before"
    );
    assert_eq!(digest::all(&pair.one.db).await?, digest::all(&pair.two.db).await?);
    Ok(())
}

#[tokio::test]
async fn the_name_of_a_table_that_a_source_sends_is_never_a_statement() -> Result<()> {
    let pair = Pair::apart().await?;
    pair.two
        .run("create table public.own (id text); insert into public.own values ('kept')")
        .await?;
    let genuine = item(&pair.one).await?;
    for relation in [
        "public.item; drop table public.own; --",
        "public.own",
        "pg_catalog.pg_authid",
        "replication.outbox_item",
        "item",
        "",
    ] {
        let sent = copy::Table {
            relation: relation.to_owned(),
            ..genuine.clone()
        };
        let first = copy::table(&pair.one.db, &pair.two.db, &sent, |_, _| {}).await;
        let (source, db) = (pair.one.session().await?, pair.two.session().await?);
        let merged = copy::merge(&source, &db, &[sent], |_, _| {}).await;
        for refused in [first, merged] {
            let Err(sql::Error::Foreign(name)) = refused else {
                anyhow::bail!("{relation:?} was taken: {refused:?}")
            };
            assert_eq!(name, relation);
        }
    }
    assert_eq!(pair.two.text("select id from public.own").await?, "kept");
    Ok(())
}

async fn item(node: &Node) -> Result<copy::Table> {
    let tables = copy::tables(&node.db).await?;
    tables
        .into_iter()
        .find(|table| table.relation == "public.item")
        .context("item is not enlisted")
}
