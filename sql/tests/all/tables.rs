//! Tables of every kind: what arrives is what was written, whatever the writer's session is set to.

use anyhow::Result;
use sql::digest;

use crate::node::Pair;

/// Makes a table on both nodes and enlists it there.
async fn enlisted(table: &str) -> Result<Pair> {
    let pair = Pair::apart().await?;
    for node in [&pair.one, &pair.two] {
        node.run(&format!("{table}; select replication.enlist('public.t')"))
            .await?;
    }
    pair.link().await?;
    pair.refresh().await?;
    Ok(pair)
}

/// Waits until both nodes have everything, and finds the same rows on both.
async fn are_equal(pair: &Pair) -> Result<()> {
    pair.settle().await?;
    let row = "select md5(coalesce(string_agg(t::text, ' ' order by t::text), '')) from public.t";
    assert_eq!(pair.one.text(row).await?, pair.two.text(row).await?);
    assert_eq!(digest::all(&pair.one.db).await?, digest::all(&pair.two.db).await?);
    Ok(())
}

const EVERY_TYPE: &str = "create table public.t (
    id uuid primary key default gen_random_uuid(), small smallint, whole integer, big bigint, exact numeric, near real, nearer double precision,
    letters text, short varchar(20), padded char(10), bytes bytea, truth boolean, day date, clock time, zoned timetz,
    moment timestamp, instant timestamptz, span interval, doc json, binary_doc jsonb, net inet, mac macaddr, bits bit varying,
    numbers integer[], words text[][], ranges tstzrange, many int4multirange, place point, search tsvector, at_lsn pg_lsn, state public.node_state)";

const ODD_VALUES: &str = r#"
    insert into public.t (small, whole, big, exact, near, nearer, letters, short, padded, bytes, truth, day, clock, zoned, moment, instant, span,
                          doc, binary_doc, net, mac, bits, numbers, words, ranges, many, place, search, at_lsn, state)
    values (-32768, 2147483647, -9223372036854775808, 1.100000000000000000000000000000000000000000000000001, '-0', 0.1::float8 + 0.2::float8,
            E'\t"''\\ \u00e4 \U0001f511', 'x', 'pad', '\x00ff5c27', true, '0044-03-15 BC', '23:59:59.999999', '12:00+05:45',
            '294276-12-31 23:59:59.999999', '1900-01-01 00:00:00.000001+00', '-1 year 2 mons -3 days 04:05:06.789',
            '{"b": 1,   "a": [1.0, 1.00], "b": 2}', '{"b": 1, "a": [1.0, 1.00]}', '2001:db8::1/64', '08:00:2b:01:02:03', '1010101',
            '[-2:0]={1,null,3}', '{{a,"b,c"},{"","NULL"}}', '["2000-01-01 00:00+00","infinity")', '{[1,3),[5,7)}', '(1e-300,-0)',
            'fat:2A cat:1', 'FFFFFFFF/1', 'removed'),
           (null, null, null, 'NaN', 'NaN', '-Infinity', '', '', '', '', false, 'infinity', '00:00', '00:00+14', '-infinity', 'infinity', '0',
            'null', 'null', '0.0.0.0/0', null, '', '{}', '{}', 'empty', '{}', null, '', null, null)"#;

#[tokio::test]
async fn every_type_arrives_as_it_was_written_whatever_the_session_is_set_to() -> Result<()> {
    let pair = enlisted(EVERY_TYPE).await?;
    let settings = [
        "select 1",
        "set datestyle = 'German, DMY'; set intervalstyle = 'sql_standard'; set timezone = 'Asia/Kathmandu'",
        "set extra_float_digits = -15; set bytea_output = 'escape'; set timezone = 'America/St_Johns'; set intervalstyle = 'iso_8601'",
        "set datestyle = 'SQL, MDY'; set client_encoding = 'LATIN1'; set standard_conforming_strings = off; set lc_monetary = 'C'",
    ];
    for (number, set) in settings.into_iter().enumerate() {
        let writer = if number % 2 == 0 { &pair.one } else { &pair.two };
        let session = writer.session().await?;
        session.batch_execute(set).await?;
        // Values of the statement are read by the same session, so write them where that does not change them.
        session
            .batch_execute("set datestyle = 'ISO'; set client_encoding = 'UTF8'; set standard_conforming_strings = on")
            .await?;
        session.batch_execute(ODD_VALUES).await?;
        session.batch_execute(set).await?;
        session
            .batch_execute("update public.t set nearer = nearer / 3, instant = instant - '1 day'::interval, span = span * 3 where small is not null")
            .await?;
    }
    are_equal(&pair).await?;
    assert_eq!(pair.two.count("select count(*) from live.t").await?, 8);
    Ok(())
}

#[tokio::test]
async fn keys_of_several_columns_in_any_order_are_keys() -> Result<()> {
    let pair =
        enlisted("create table public.t (note text, b integer, a text, day date, primary key (day, a, b))").await?;
    pair.one
        .run("insert into public.t select 'n', n % 7, 'a' || n % 5, date '2026-01-01' + n / 35 from generate_series(0, 349) n")
        .await?;
    pair.settle().await?;
    pair.two
        .run("update public.t set note = 'two' where b = 3; delete from public.t where a = 'a1'")
        .await?;
    pair.one
        .run("update public.t set b = 100 where b = 6 and a = 'a2'")
        .await?;
    are_equal(&pair).await?;
    assert_eq!(pair.two.count("select count(*) from live.t").await?, 280);
    assert_eq!(pair.two.count("select count(*) from live.t where b = 100").await?, 10);
    Ok(())
}

#[tokio::test]
async fn generated_columns_are_generated_on_every_node() -> Result<()> {
    let pair = enlisted(
        "create table public.t (id text primary key, cents integer, euros numeric generated always as (cents / 100.0) stored)",
    )
    .await?;
    pair.one.run("insert into public.t values ('a', 150), ('b', 1)").await?;
    pair.settle().await?;
    pair.two.run("update public.t set cents = cents * 2").await?;
    are_equal(&pair).await?;
    assert_eq!(
        pair.one
            .text("select string_agg(euros::numeric(9,2)::text, ' ' order by id) from live.t")
            .await?,
        "3.00 0.02"
    );
    Ok(())
}

#[tokio::test]
async fn numbers_given_on_two_nodes_are_never_the_same() -> Result<()> {
    for kind in [
        "bigint generated always as identity",
        "integer generated by default as identity",
        "serial",
    ] {
        let pair = enlisted(&format!(
            "create table public.t (id {kind} primary key, made_on integer)"
        ))
        .await?;
        for node in [&pair.one, &pair.two] {
            let number = node.number;
            node.run(&format!(
                "insert into public.t (made_on) select {number} from generate_series(1, 500)"
            ))
            .await?;
        }
        are_equal(&pair).await?;
        assert_eq!(pair.one.count("select count(*) from live.t").await?, 1000, "{kind}");
        // As after a join: the numbers go on above what was copied.
        pair.two
            .run("select replication.spread_sequences(); insert into public.t (made_on) values (2)")
            .await?;
        are_equal(&pair).await?;
        assert_eq!(pair.one.count("select count(*) from live.t").await?, 1001, "{kind}");
    }
    Ok(())
}

#[tokio::test]
async fn a_value_of_five_megabytes_arrives_whole() -> Result<()> {
    let pair = enlisted("create table public.t (id text primary key, value bytea, note text)").await?;
    pair.one
        .run("insert into public.t select 'a', decode(string_agg(md5(n::text), ''), 'hex'), 'x' from generate_series(1, 327680) n")
        .await?;
    pair.settle().await?;
    // A large value that an update leaves alone travels again, whole.
    pair.two.run("update public.t set note = 'y'").await?;
    are_equal(&pair).await?;
    assert_eq!(
        pair.one
            .count("select length(value)::bigint from live.t where note = 'y'")
            .await?,
        5_242_880
    );
    Ok(())
}

#[tokio::test]
async fn upserts_copies_and_merges_travel_like_any_write() -> Result<()> {
    let pair = enlisted("create table public.t (id text primary key, n integer)").await?;
    let upsert = "insert into public.t values ('a', 1), ('b', 1) on conflict (id) do update set n = t.n + 1";
    pair.one
        .run(&format!(
            "{upsert}; {upsert}; delete from public.t where id = 'b'; {upsert}"
        ))
        .await?;
    pair.one
        .run("insert into public.t values ('a', 77), ('c', 5) on conflict do nothing")
        .await?;
    pair.settle().await?;
    pair.two
        .run(
            "merge into public.t using (values ('a', 10), ('c', 0), ('d', 20)) v (id, n) on t.id = v.id
             when matched and v.n = 0 then delete
             when matched then update set n = v.n
             when not matched then insert values (v.id, v.n)",
        )
        .await?;
    are_equal(&pair).await?;
    let all = "select string_agg(id || n, ' ' order by id) from live.t";
    assert_eq!(pair.one.text(all).await?, "a10 b1 d20");
    Ok(())
}
