//! Rows that no node writes, sent by a node that means harm: set aside where they arrive, and skipped where they are read.

use anyhow::{Context as _, Result, ensure};
use keystead::NodeNumber;
use keystead::member::numbers;
use sql::{bad_row, heartbeat, node, node_certificate, node_view, replication, syslog, version};

use crate::node::{Alone, Node, PATIENCE, Pair};
use crate::wait::until;

/// Rows of every table that replicates, each bad in one respect. `$v` and `$o` are a good version and the sender's number.
const BAD: [(&str, &str); 34] = [
    (
        "public.node",
        "('not an id', 3, 'h', 1, '', 'ready', 'ready', '5e', now(), $v, $o, false)",
    ),
    (
        "public.node",
        "(repeat('a', 32), 2147483647, 'h', 1, '', 'ready', 'ready', '5e', now(), $v, $o, false)",
    ),
    (
        "public.node",
        "(repeat('b', 32), -1, 'h', 1, '', 'ready', 'ready', '5e', now(), $v, $o, false)",
    ),
    (
        "public.node",
        "(repeat('c', 32), 3, 'h', 70000, '', 'ready', 'ready', '5e', now(), $v, $o, false)",
    ),
    (
        "public.node",
        "(repeat('d', 32), 3, E'h\\n', 1, '', 'ready', 'ready', '5e', now(), $v, $o, false)",
    ),
    (
        "public.node",
        "(repeat('e', 32), 3, 'h', 1, '', 'ready', 'ready', 'no hex', now(), $v, $o, false)",
    ),
    (
        "public.node",
        "(repeat('f', 32), 3, 'h', 1, '', 'ready', 'ready', '5e', 'infinity', $v, $o, false)",
    ),
    (
        "public.node",
        "(repeat('1', 32), 3, 'h', 1, repeat('x', 2000), 'ready', 'ready', '5e', now(), $v, $o, false)",
    ),
    (
        "public.account",
        "('version', 'x', '', false, now(), now(), now(), 9223372036854775807, $o, false)",
    ),
    (
        "public.account",
        "('negative', 'x', '', false, now(), now(), now(), -1, $o, false)",
    ),
    (
        "public.account",
        "('time', 'x', '', false, '-infinity', now(), now(), $v, $o, false)",
    ),
    (
        "public.account",
        "('size', 'x', repeat('x', 1100000), false, now(), now(), now(), $v, $o, false)",
    ),
    (
        "public.account",
        "('long name', repeat('x', 5000), '', false, now(), now(), now(), $v, $o, false)",
    ),
    (
        "public.key",
        "('k4', repeat('x', 5000), 'Active', 'AES', 256, 0, '', false, false, '', 0, 1, '', null, now(), now(), null, $v, $o, false)",
    ),
    ("public.cluster_property", "(repeat('x', 5000), 'v', $v, $o, false)"),
    ("public.heartbeat", "(7, 5, '{}', 1, 'r', 1, 1, '{}', $v, $o, false)"),
    ("public.lane_beat", "(7, 1, 1, $v, $o, false)"),
    ("public.lane_beat", "($o, 99, 1, $v, $o, false)"),
    ("public.node_view", "('not an id', '{}', $v, $o, false)"),
    ("public.node_view", "(repeat('a', 32), '[1]', $v, $o, false)"),
    ("public.node_version", "(7, 'x', 1, 1, 1, $v, $o, false)"),
    ("public.node_version", "($o, 'x', 2147483647, 1, 1, $v, $o, false)"),
    ("public.node_certificate", "('not an id', '{}', $v, $o, false)"),
    (
        "public.node_certificate",
        "(repeat('a', 32), '\"text\"', $v, $o, false)",
    ),
    ("public.cluster_key", "('kek-2147483647', null, '', $v, $o, false)"),
    ("public.cluster_property", "('p', repeat('x', 1100000), $v, $o, false)"),
    (
        "public.key",
        "('k1', 'k', 'Active', 'AES', 256, 0, '', false, false, '', 2147483647, 1, '', null, now(), now(), null, $v, $o, false)",
    ),
    (
        "public.key",
        "('k2', 'k', 'Active', 'AES', 256, 0, '', false, false, '', 0, -1, '', null, now(), now(), null, $v, $o, false)",
    ),
    (
        "public.key",
        "('k3', 'k', 'Active', 'AES', 256, 0, '', false, false, '', 0, 1, '', 'infinity', now(), now(), null, $v, $o, false)",
    ),
    (
        "public.alarm",
        "(repeat('a', 32), 1, '', 'k', 'n', 's', 'info', 'd', true, 1, now(), now(), null, $v, $o, false)",
    ),
    (
        "public.alarm",
        "('not an id', $o, '', 'k', 'n', 's', 'info', 'd', true, 1, now(), now(), null, $v, $o, false)",
    ),
    ("public.alarm_mark", "('a', -1, 'cleared', 'x', now(), $v, $o, false)"),
    (
        "public.syslog",
        "('s', 'h', 0, 'udp', 'rfc5424', null, now(), now(), $v, $o, false)",
    ),
    (
        "public.syslog",
        "('t', 'h', 514, 'udp', 'rfc5424', null, now(), '10001-01-01', $v, $o, false)",
    ),
];

/// Puts a row into a table as it is, past every trigger, so that it is sent as this node's own.
async fn put(node: &Node, table: &str, row: &str) -> Result<()> {
    let values = row
        .replace(
            "$v",
            &format!("{}", node.count("select replication.version_now()").await?),
        )
        .replace("$o", &node.number.to_string());
    node.run(&format!(
        "alter table {table} disable trigger user; insert into {table} values {values}; alter table {table} enable trigger user"
    ))
    .await
    .with_context(|| format!("{table} {values}"))
}

/// The sums of all tables that are compared between nodes.
async fn digest(node: &Node) -> Result<String> {
    node.text(
        "select coalesce(string_agg(concat(relation, ' ', row_count, ' ', total), ', ' order by relation), '')
         from replication.digest(1) where relation <> 'public.item'",
    )
    .await
}

#[tokio::test]
async fn what_no_node_writes_is_set_aside_and_the_link_goes_on() -> Result<()> {
    let pair = Pair::linked().await?;
    version::use_all(&pair.one.db).await?;
    let before = digest(&pair.one).await?;
    for (table, row) in BAD {
        put(&pair.two, table, row).await?;
    }
    // Or its own heartbeats would wait for lanes that it has not.
    pair.two.apply("delete from public.lane_beat").await?;
    let outbox = format!(
        "insert into replication.outbox_account
         values ('boxed', 'x', '', false, now(), now(), now(), -5, {}, false)",
        pair.two.number
    );
    pair.two.run(&outbox).await?;
    pair.two.run("insert into public.item values ('good', 'x')").await?;
    pair.barrier(&pair.two, &pair.one).await?;

    assert_eq!(
        pair.one.text("select value from public.item where id = 'good'").await?,
        "x"
    );
    let kept = pair
        .one
        .text("select string_agg(relation || ' ' || key, E'\\n' order by relation, key) from replication.bad_row")
        .await?;
    assert_eq!(kept.lines().count(), BAD.len() + 1, "{kept}");
    assert_eq!(digest(&pair.one).await?, before, "something was stored");
    let found = bad_row::by_sender(&pair.one.db).await?;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].sender, found[0].count), (Some(pair.two.number), 35));
    Ok(())
}

#[tokio::test]
async fn what_was_here_before_a_rule_is_set_aside_when_it_comes_into_force() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.settle().await?;
    for node in [&pair.one, &pair.two] {
        version::use_all(&node.db).await?;
    }
    let clean = digest(&pair.one).await?;
    for node in [&pair.one, &pair.two] {
        node.run("update replication.rules_in_force set up_to = 0; select replication.make_anew(e) from replication.enlisted e")
            .await?;
    }
    for (table, row) in BAD {
        put(&pair.two, table, row).await?;
    }
    // As on a node of an earlier version: everything is taken, but for heartbeats that are another's.
    pair.barrier(&pair.two, &pair.one).await?;
    assert_ne!(digest(&pair.one).await?, clean);
    for node in [&pair.one, &pair.two] {
        version::use_all(&node.db).await?;
        assert_eq!(digest(node).await?, clean, "node {}", node.number);
    }
    Ok(())
}

#[tokio::test]
async fn a_heartbeat_of_another_node_is_not_believed() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.settle().await?;
    let at = heartbeat::begin(&pair.one.db).await?.at;
    heartbeat::beat(&pair.one.db, pair.one.number, at).await?;
    pair.settle().await?;
    let forged = "insert into replication.outbox_heartbeat
        select number, at + 3600000000, seen, beat + 1, run, began, lanes, lane_beats, version + 1, 1, false
        from public.heartbeat where number = 1";
    let before = pair
        .one
        .text("select at::text from public.heartbeat where number = 1")
        .await?;
    pair.two.run(forged).await?;
    pair.barrier(&pair.two, &pair.one).await?;
    assert_eq!(
        pair.one
            .text("select at::text from public.heartbeat where number = 1")
            .await?,
        before
    );
    assert_eq!(
        pair.one
            .text("select string_agg(relation || sender, ' ') from replication.bad_row")
            .await?,
        "public.heartbeat2"
    );
    Ok(())
}

#[tokio::test]
async fn every_table_that_replicates_has_a_rule_that_bounds_its_sizes_and_times() -> Result<()> {
    let node = Alone::start().await?;
    let bare = node
        .text(
            "select coalesce(string_agg(concat(e.relation, '.', attname), ', '), '')
             from replication.enlisted e
             join pg_attribute on attrelid = e.relation::regclass and attnum > 0 and not attisdropped
             left join lateral (select string_agg(broken, ' or ') as broken from replication.rule r
                                where r.relation = e.relation) r on true
             where e.relation <> 'public.item'
               and (r.broken is null
                    or atttypid = 'timestamptz'::regtype and position(format('new.%I not between', attname) in r.broken) = 0
                    or atttypid = any ('{text,bytea}'::regtype[])
                       and position(format('octet_length(new.%I)', attname) in r.broken) = 0
                    or atttypid = 'jsonb'::regtype
                       and position(format('octet_length(new.%I::text)', attname) in r.broken) = 0)",
        )
        .await?;
    assert_eq!(bare, "", "a new column or table needs a rule");
    Ok(())
}

/// Every reader of what peers send goes on where it cannot read one row, as it may be of a newer version.
#[tokio::test]
async fn readers_skip_what_they_do_not_understand_and_say_so() -> Result<()> {
    let node = Alone::start().await?;
    node.run(
        "insert into public.node values (repeat('a', 32), 1, 'h', 5432, '', 'ready', 'ready', '5e'),
                                        ('not an id', 2, 'h', 5432, '', 'ready', 'ready', '5e'),
                                        (repeat('b', 32), 3, 'h', 99999999, '', 'ready', 'ready', '5e');
         insert into public.heartbeat values (1, 5, '{\"1\": 5}'), (2, 5, '{\"x\": \"y\"}'), (3, 5, '[]');
         insert into public.node_view values (repeat('a', 32), '{\"odd\": 1}');
         insert into public.node_certificate values (repeat('a', 32), '{\"odd\": 1}');
         insert into public.node_version values (1, 'v', 1, 1, 1), (3, 'v', 1, 1, 1);
         insert into public.syslog values ('a', 'h', 514, 'pigeon', 'rfc5424', null, now(), now())",
    )
    .await?;
    let roster = node::all(&node.db).await?;
    assert_eq!(roster.numbers().collect::<Vec<_>>(), [NodeNumber(1)]);
    assert_eq!(
        heartbeat::all(&node.db).await?.into_keys().collect::<Vec<_>>(),
        [NodeNumber(1)]
    );
    assert_eq!(
        version::all(&node.db).await?.into_keys().collect::<Vec<_>>(),
        [NodeNumber(1)]
    );
    ensure!(node_view::all(&node.db).await?.is_empty());
    ensure!(node_certificate::all(&node.db).await?.is_empty());
    ensure!(syslog::all(&node.db).await?.is_empty());
    let found = bad_row::by_sender(&node.db).await?;
    assert_eq!(found.iter().map(|found| found.count).sum::<i64>(), 8, "{found:?}");
    Ok(())
}

#[tokio::test]
async fn one_row_with_the_highest_number_brings_numbers_to_no_end() -> Result<()> {
    let node = Alone::start().await?;
    for known in [
        &[1, 2, 3][..],
        &[1, 2, 3, i32::MAX],
        &[1, 257, 514, 771],
        &[1, 100, 300, 557],
    ] {
        node.run("set session_replication_role = replica; delete from public.node; reset session_replication_role")
            .await?;
        for number in known {
            node.run(&format!(
                "insert into public.node values (lpad('{number}', 32, '0'), {number}, 'h', 1, '', 'ready', 'ready', '5e')"
            ))
            .await?;
        }
        let in_sql = node.text("select replication.highest_number()::text").await?;
        let in_rust = numbers::highest(known.iter().copied().map(NodeNumber));
        assert_eq!(in_sql, in_rust.to_string(), "{known:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_thousand_rows_are_remembered_and_no_more() -> Result<()> {
    let node = Alone::start().await?;
    version::use_all(&node.db).await?;
    node.apply(
        "insert into replication.outbox_account
         select 'a' || n, 'x', '', false, now(), now(), now(), -1, 1, false from generate_series(1, 1500) n",
    )
    .await?;
    assert_eq!(node.count("select count(*) from replication.bad_row").await?, 1000);
    assert_eq!(node.count("select count(*) from public.account").await?, 0);
    Ok(())
}

/// What the other node has heard of this one, or says of itself, is data too.
#[tokio::test]
async fn what_a_peer_says_of_heartbeats_is_bounded() -> Result<()> {
    let node = Alone::start().await?;
    for heard in ["'r', 1, 9223372036854775807", "'r', -1, 5", "repeat('r', 99), 1, 5"] {
        let refused = node.refused(&format!("select replication.remember({heard})")).await?;
        assert_eq!(refused.message(), "no node writes such a heartbeat", "{heard}");
    }
    let others = r#"{"number": 3, "at": 5, "seen": {}, "in_lanes": []}"#;
    let lanes = r#"{"number": 2, "at": 5, "seen": {}, "in_lanes": [{"number": 3, "lane": 1, "beat": 1}]}"#;
    for newest in [others, lanes] {
        let refused = node
            .refused(&format!("select replication.resynced(2, '{newest}')"))
            .await?;
        assert_eq!(refused.message(), "no node writes such a heartbeat", "{newest}");
    }
    replication::become_node(&node.db, NodeNumber(1)).await?;
    until("nothing was taken", PATIENCE, async || {
        Ok(node.count("select count(*) from public.heartbeat").await? == 0)
    })
    .await
}
