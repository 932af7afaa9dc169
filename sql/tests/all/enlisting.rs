//! Which tables can be enlisted, and what the others are told.

use anyhow::Result;

use crate::node::Alone;

#[tokio::test]
async fn a_table_on_which_merging_could_fail_is_refused_with_the_way_out() -> Result<()> {
    let node = Alone::start().await?;
    let tables = [
        ("create table public.t (id text)", "has no primary key", "add one"),
        (
            "create table public.t (id text primary key, a text unique)",
            "t_a_key",
            "only a primary key is allowed",
        ),
        (
            "create table public.t (id text primary key references public.item)",
            "t_id_fkey",
            "only a primary key is allowed",
        ),
        (
            "create table public.t (id text primary key check (id > ''))",
            "t_id_check",
            "only a primary key is allowed",
        ),
        (
            "create table public.t (id int4range primary key, exclude using gist (id with &&))",
            "t_id_excl",
            "only a primary key is allowed",
        ),
        (
            "create table public.t (id text primary key, a text); create unique index on public.t (a)",
            "a unique index",
            "make the index not unique",
        ),
        (
            "create table public.t (id text primary key deferrable)",
            "deferrable",
            "make the primary key not deferrable",
        ),
        (
            "create table public.t (id text primary key) partition by hash (id)",
            "not an ordinary table",
            "partitions",
        ),
        (
            "create unlogged table public.t (id text primary key)",
            "not an ordinary table",
            "unlogged",
        ),
    ];
    for (make, names, way_out) in tables {
        node.run(make).await?;
        let refused = node.refused("select replication.enlist('public.t')").await?;
        assert!(refused.message().contains("cannot be enlisted"), "{make}: {refused}");
        assert!(refused.message().contains(names), "{make}: {refused}");
        assert!(
            refused.hint().unwrap_or_default().contains(way_out),
            "{make}: {:?}",
            refused.hint()
        );
        node.run("drop table public.t").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_refused_table_is_left_as_it_was() -> Result<()> {
    let node = Alone::start().await?;
    node.run("create table public.t (id text primary key, a text unique)")
        .await?;
    node.refused("select replication.enlist('public.t')").await?;
    let columns = "select count(*) from information_schema.columns where table_name = 't'";
    assert_eq!(node.count(columns).await?, 2);
    assert_eq!(
        node.count("select count(*) from replication.enlisted where relation = 'public.t'")
            .await?,
        0
    );
    Ok(())
}

#[tokio::test]
async fn names_that_need_quoting_are_enlisted_like_any_other() -> Result<()> {
    let node = Alone::start().await?;
    node.run(r#"create schema "S p"; create table "S p"."T ""x""" (a integer, "B c" text, note text, primary key ("B c", a))"#)
        .await?;
    node.run(r#"select replication.enlist('"S p"."T ""x"""')"#).await?;
    node.run(r#"insert into "S p"."T ""x""" values (1, 'x', 'here')"#)
        .await?;
    node.run(r#"delete from "S p"."T ""x""" where a = 1"#).await?;
    assert_eq!(
        node.count(r#"select count(*) from "S p"."T ""x""" where deleted"#)
            .await?,
        1
    );
    assert_eq!(
        node.count(r#"select count(*) from replication."outbox_S p_T ""x""""#)
            .await?,
        1
    );
    Ok(())
}

#[tokio::test]
async fn what_is_to_fire_for_rows_that_arrive_fires_for_rows() -> Result<()> {
    let node = Alone::start().await?;
    let of_statements = "select count(*) from pg_trigger join replication.enlisted on tgrelid = relation::regclass
                         where tgenabled in ('A', 'R') and tgtype & 1 = 0";
    assert_eq!(
        node.count(of_statements).await?,
        0,
        "a subscription fires no statement triggers"
    );
    Ok(())
}
