//! What a node that means harm tries on another's PostgreSQL: as a guest, which was signed and never joined, and as a member.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use sql::{Connection, link};
use tokio_postgres::error::SqlState;

use crate::node::{Alone, Node, PATIENCE, Pair, refused};
use crate::postgres::Postgres;
use crate::wait::until;

const PEER: &str = "peer_00000000000000000000000000000002";
const MEMBER: &str =
    "insert into public.node values ('00000000000000000000000000000002', 2, 'h', 5432, '', 'ready', 'ready', 's')";

/// A guest's session, and a member's.
async fn intruder(node: &Node, is_member: bool) -> Result<Connection> {
    link::make_role(&node.db, PEER).await?;
    if is_member {
        link::admit(&node.db, PEER).await?;
        node.run(MEMBER).await?;
    }
    node.session_as(PEER).await
}

/// Every function that peers may call, called.
const CALLS: [&str; 22] = [
    "select peer.call('hello', '{}')",
    "select peer.answer(1)",
    "select peer.caller_number()",
    "select peer.keep_changes()",
    "select peer.keep_changes_anew()",
    "select peer.confirmed_by(2)",
    "select peer.my_lag()",
    "select peer.grant_lease('00000000000000000000000000000002', 5)",
    "select peer.reserve_number('00000000000000000000000000000002', 3)",
    "select peer.record_node('00000000000000000000000000000002', '00000000000000000000000000000003', 3, 'h', 5432, '', '5e')",
    "select peer.end_lease('00000000000000000000000000000002')",
    "select peer.purged_up_to()",
    "select * from peer.digest(16, 9223372036854775807, 0)",
    "select * from peer.tables()",
    "select peer.slot_kept()",
    "select * from peer.heard_of_me()",
    "select * from peer.past()",
    "select * from peer.rows_of_buckets('public.node', 16, '{1,2,3}')",
    "select * from peer.rows_of_keys('public.node', '[{\"id\": \"00000000000000000000000000000002\"}]')",
    "select peer.keep_lane(1)",
    "select peer.end_lane(1)",
    "select peer.call('hello', to_jsonb(repeat('x', 70000)))",
];

/// Types that the functions of the schema peer name, and relations of PostgreSQL's that they read.
const TYPES: [&str; 12] = [
    "text",
    "int4",
    "int8",
    "bool",
    "jsonb",
    "pg_lsn",
    "name",
    "regclass",
    "timestamptz",
    "interval",
    "float8",
    "oid",
];
const RELATIONS: [&str; 5] = [
    "pg_replication_slots",
    "pg_class",
    "pg_roles",
    "pg_index",
    "pg_stat_replication_slots",
];

/// Notes whose rights it is called with.
const NOTE: &str = "create table pg_temp.caught (owner text);
    grant all on pg_temp.caught to public;
    create function pg_temp.spring() returns boolean language plpgsql as
    $$ begin
        if current_user <> session_user then insert into pg_temp.caught values (current_user); end if;
        return true;
    end $$;";

/// Objects that stand in for PostgreSQL's own, and note whose rights they are used with.
fn traps() -> String {
    let views = RELATIONS.map(|name| {
        format!(
            "create view pg_temp.{name} as select * from pg_catalog.{name} where pg_temp.spring();
             grant all on pg_temp.{name} to public;"
        )
    });
    let types =
        TYPES.map(|name| format!("create domain pg_temp.{name} as pg_catalog.{name} check (pg_temp.spring());"));
    [NOTE, &views.concat(), &types.concat()].concat()
}

#[tokio::test]
async fn a_type_of_a_guest_or_member_makes_nobody_superuser() -> Result<()> {
    for is_member in [false, true] {
        let node = Alone::start().await?;
        let intruder = intruder(&node, is_member).await?;
        let exploit = format!(
            "create function pg_temp.rise(text) returns boolean language plpgsql as
             $$ begin execute 'alter role {PEER} superuser'; return true; end $$;
             create domain pg_temp.text as pg_catalog.text check (pg_temp.rise(value));
             select peer.call('hello', '{{}}')"
        );
        let refused = refused(&intruder, &exploit).await?;
        assert_eq!(*refused.code(), SqlState::INSUFFICIENT_PRIVILEGE, "{refused}");
        assert_eq!(
            node.text(&format!("select rolsuper::text from pg_roles where rolname = '{PEER}'"))
                .await?,
            "false"
        );
    }
    Ok(())
}

/// As above, should a node ever be able to make temporary objects after all: no function looks at them.
#[tokio::test]
async fn no_object_of_a_peer_stands_in_for_one_of_postgresql() -> Result<()> {
    for is_member in [false, true] {
        let node = Alone::start().await?;
        let intruder = intruder(&node, is_member).await?;
        node.run(&format!(
            "grant temporary on database {} to public; grant usage on language plpgsql, sql to public",
            node.name
        ))
        .await?;
        intruder.batch_execute(&traps()).await.context("the traps are set")?;
        let mut answered = 0;
        for call in CALLS {
            answered += usize::from(intruder.batch_execute(call).await.is_ok());
        }
        ensure!(
            answered >= if is_member { 15 } else { 2 },
            "only {answered} calls were answered"
        );
        let caught = intruder
            .query_opt("select owner::pg_catalog.text from pg_temp.caught limit 1", &[])
            .await?;
        let owner: Option<String> = caught.map(|row| row.get(0));
        assert_eq!(owner, None, "a function of ours used an object of the peer's");
    }
    Ok(())
}

#[tokio::test]
async fn every_function_that_peers_may_call_is_tried() -> Result<()> {
    let node = Alone::start().await?;
    let all = node
        .text("select string_agg(proname, ' ') from pg_proc where pronamespace = 'peer'::regnamespace")
        .await?;
    let untried: BTreeSet<&str> = all
        .split(' ')
        .filter(|name| !CALLS.iter().any(|call| call.contains(&format!("peer.{name}("))))
        .collect();
    assert!(untried.is_empty(), "{untried:?}");
    Ok(())
}

/// A view of the catalogue: whatever is added later is judged too.
#[tokio::test]
async fn no_function_with_its_owners_rights_is_a_superusers_or_looks_in_pg_temp_first() -> Result<()> {
    let node = Alone::start().await?;
    let bad = node
        .text(
            "select coalesce(string_agg(p.oid::regprocedure::text, ', '), '') from pg_proc p
             join pg_roles owner on owner.oid = proowner
             where prosecdef and (rolsuper or pronamespace::regnamespace::text <> 'peer'
                                  or not 'search_path=pg_catalog, pg_temp' = any (coalesce(proconfig, '{}')))",
        )
        .await?;
    assert_eq!(bad, "");
    let open = node
        .text(
            "select coalesce(string_agg(p.oid::regprocedure::text, ', '), '') from pg_proc p
             where pronamespace::regnamespace::text in ('public', 'replication', 'live', 'peer')
               and has_function_privilege('public', p.oid, 'execute')",
        )
        .await?;
    assert_eq!(open, "", "everybody may call these");
    Ok(())
}

/// What a session without rights could hold a server up with, or make objects by.
const FORBIDDEN: &[&str] = &[
    "create temporary table mine (id integer)",
    "create temporary sequence mine",
    "create domain pg_temp.text as pg_catalog.text",
    "create type pg_temp.mine as (a integer)",
    "create function pg_temp.mine() returns integer language sql as 'select 1'",
    "create table public.mine (id integer)",
    "create schema mine",
    "do $$ begin null; end $$",
    "do language plpgsql $$ begin perform 1; end $$",
    "select lo_create(0)",
    "select lo_from_bytea(0, 'x')",
    "select lo_import('/etc/passwd')",
    "select pg_sleep(60)",
    "select pg_sleep_for('1 minute')",
    "select pg_advisory_lock(1)",
    "select pg_advisory_xact_lock(1)",
    "select pg_try_advisory_lock(1)",
    "select pg_advisory_lock_shared(1, 2)",
    "select pg_read_file('/etc/passwd')",
    "select pg_read_binary_file('/etc/passwd')",
    "select pg_ls_dir('/')",
    "select pg_stat_file('/etc/passwd')",
    "copy (select 1) to program 'true'",
    "copy (select 1) to '/tmp/mine'",
    "select pg_logical_emit_message(false, 'mine', repeat('x', 1000))",
    "select pg_create_physical_replication_slot('mine')",
    "select pg_create_logical_replication_slot('mine', 'pgoutput')",
    "select pg_drop_replication_slot('mine')",
    "select pg_replication_slot_advance('mine', '0/1')",
    "select database_to_xml(true, true, '')",
    "select xpath('//a', '<a/>')",
    "select '((0,0),(1,1))'::polygon && '((0,0),(1,1))'::polygon",
    "select pg_notify('keystead_node', '')",
    "drop owned by keystead_apply",
    "set session_replication_role = replica",
    "set temp_file_limit = -1",
    "set role keystead_apply",
    "set role keystead_peer_api",
    "set session authorization keystead",
    "grant keystead_apply to current_user",
    "select replication.hand_over('s')",
    "select replication.limit_role('r')",
    "select replication.notify('keystead_node')",
    "alter function peer.call(text, jsonb) owner to current_user",
    "checkpoint",
    "vacuum public.node, pg_catalog.pg_class",
    "load 'pgoutput'",
    "begin; lock table public.node in row share mode",
];

#[tokio::test]
async fn guests_and_members_make_nothing_and_hold_nothing_up() -> Result<()> {
    for is_member in [false, true] {
        let node = Alone::start().await?;
        let intruder = intruder(&node, is_member).await?;
        for statement in FORBIDDEN {
            // Refused, or left out with a warning: a vacuum of others' tables.
            match intruder.batch_execute(statement).await {
                Err(error) => {
                    let code = error.code().cloned();
                    ensure!(
                        code == Some(SqlState::INSUFFICIENT_PRIVILEGE),
                        "{statement}: {code:?} {error}"
                    );
                }
                Ok(()) => ensure!(statement.starts_with("vacuum"), "taken: {statement}"),
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_a_role_may_take_is_bounded_and_not_its_own_to_change() -> Result<()> {
    let node = Alone::start().await?;
    let guest = intruder(&node, false).await?;
    let limits = "select concat(rolconnlimit, ' ', rolconfig) from pg_roles where rolname =";
    assert_eq!(
        node.text(&format!("{limits} '{PEER}'")).await?,
        "2 {temp_file_limit=256MB,log_min_messages=fatal,log_min_error_statement=panic}"
    );
    let _second = node.session_as(PEER).await?;
    let third = node
        .session_as(PEER)
        .await
        .err()
        .context("a third session was let in")?;
    assert_eq!(
        third.downcast_ref::<sql::Error>().and_then(sql::Error::code),
        Some(&SqlState::TOO_MANY_CONNECTIONS)
    );
    guest
        .batch_execute(&format!("alter role {PEER} reset all"))
        .await
        .context("it may reset what is its own")?;
    for own in [
        format!("alter role {PEER} connection limit 99"),
        format!("alter role {PEER} set temp_file_limit = -1"),
        format!("alter role {PEER} reset temp_file_limit"),
        format!("alter role {PEER} set log_min_messages = debug5"),
        "set log_min_messages = debug5".to_owned(),
    ] {
        let refused = refused(&guest, &own).await?;
        assert_eq!(*refused.code(), SqlState::INSUFFICIENT_PRIVILEGE, "{own}");
    }
    assert_eq!(
        node.text(&format!("{limits} '{PEER}'")).await?,
        "2 {temp_file_limit=256MB,log_min_messages=fatal,log_min_error_statement=panic}"
    );
    link::admit(&node.db, PEER).await?;
    assert_eq!(
        node.text(&format!("{limits} '{PEER}'")).await?,
        "16 {temp_file_limit=256MB,log_min_messages=fatal,log_min_error_statement=panic}"
    );
    let spill =
        "set work_mem = '64kB'; select count(*) from (select n from generate_series(1, 40000000) n order by n desc) s";
    assert_eq!(
        *refused(&guest, spill).await?.code(),
        SqlState::CONFIGURATION_LIMIT_EXCEEDED
    );
    Ok(())
}

/// The sessions of subscriptions, with whether any is a superuser's.
const WORKERS: &str = "select concat(count(*), ' ', bool_or(rolsuper), ' ', string_agg(distinct rolname, ','))
    from pg_stat_activity join pg_roles on rolname = usename where backend_type like '%apply worker%'
       or backend_type = 'logical replication worker'";

#[tokio::test]
async fn what_peers_send_is_not_applied_as_superuser() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.settle().await?;
    assert_eq!(pair.one.text(WORKERS).await?, "2 f keystead_apply");
    let attributes = pair
        .one
        .text(
            "select concat(rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls) from pg_roles
             where rolname = 'keystead_apply'",
        )
        .await?;
    assert_eq!(attributes, "fffff", "nothing is left of what handing over takes");
    let belongings = pair
        .one
        .text(
            "select concat((select count(*) from pg_class where relowner = r.oid), ' ',
                           (select count(*) from pg_proc where proowner = r.oid and not prosecdef), ' ',
                           (select count(*) from pg_auth_members where member = r.oid))
             from pg_roles r where rolname = 'keystead_apply'",
        )
        .await?;
    assert_eq!(belongings, "0 0 0", "it owns no table and no code that others run");
    Ok(())
}

#[tokio::test]
async fn apply_workers_begin_again_while_every_connection_is_taken() -> Result<()> {
    let settings = [
        "listen_addresses=",
        "wal_level=logical",
        "wal_retrieve_retry_interval=100ms",
        "max_connections=20",
        "superuser_reserved_connections=3",
    ];
    let postgres = Postgres::start_in(crate::scratch::folder()?, &settings).await?;
    let pair = Pair::linked_on(postgres).await?;
    pair.settle().await?;
    let mut taken = Vec::new();
    while let Ok(session) = pair.one.session().await {
        taken.push(session);
    }
    ensure!(taken.len() > 5, "only {} sessions were taken", taken.len());
    let pids =
        "select coalesce(string_agg(pid::text, ',' order by pid), '') from pg_stat_subscription where pid is not null";
    let before = pair.one.text(pids).await?;
    pair.one
        .run("select pg_terminate_backend(pid) from pg_stat_subscription where pid is not null")
        .await?;
    until("two new workers run", PATIENCE, async || {
        let now = pair.one.text(pids).await?;
        Ok(now.split(',').count() == 2 && now.split(',').all(|pid| !before.split(',').any(|old| old == pid)))
    })
    .await?;
    pair.settle().await
}

/// Needs a queue that can be filled: before PostgreSQL 17 it is 8 GB, and this proves nothing.
#[tokio::test]
async fn what_peers_send_is_applied_while_the_queue_of_notifications_is_full() -> Result<()> {
    let settings = [
        "listen_addresses=",
        "wal_level=logical",
        "wal_retrieve_retry_interval=100ms",
        "max_notify_queue_pages=64",
    ];
    let probe = Postgres::start().await?;
    let setting = "select current_setting('max_notify_queue_pages', true)";
    let known = sql::connect(&probe.config("postgres"))
        .await?
        .query_one(setting, &[])
        .await?;
    if known.get::<_, Option<String>>(0).is_none() {
        return Ok(());
    }
    let pair = Pair::linked_on(Postgres::start_in(crate::scratch::folder()?, &settings).await?).await?;
    pair.settle().await?;
    let deaf = pair.two.session().await?;
    deaf.batch_execute("listen noise").await?;
    deaf.batch_execute("begin; select 1").await?;
    let noise = "select pg_notify('noise', lpad(n::text, 7900)) from generate_series(1, 5) n";
    until("the queue is full", PATIENCE, async || {
        Ok(pair.two.db.batch_execute(noise).await.is_err())
    })
    .await?;
    let full = refused(&pair.two.db, "notify noise, 'more'").await?;
    assert_eq!(full.message(), "too many notifications in the NOTIFY queue");

    // Its trigger wakes the agent of the node where it arrives.
    pair.one.run(MEMBER).await?;
    until("the row of a node has arrived", PATIENCE, async || {
        Ok(pair.two.count("select count(*) from public.node").await? == 1)
    })
    .await
}

/// What an earlier version made: a superuser's subscriptions and functions, open to all.
const AS_BEFORE: &str = "
    alter subscription keystead_1_to_2 owner to keystead;
    alter function peer.call(text, jsonb) owner to keystead;
    alter function peer.call(text, jsonb) set search_path = '';
    alter function replication.unbury_node(public.node) security definer;
    grant execute on all functions in schema replication, peer to public;
    grant execute on function pg_catalog.pg_sleep(double precision) to public;
    grant usage on language plpgsql, sql to public;
    revoke all on all tables in schema public, replication from keystead_apply;
    create role peer_00000000000000000000000000000009 login connection limit 16 in role keystead_guest";

#[tokio::test]
async fn what_an_earlier_version_made_is_settled_at_the_next_start() -> Result<()> {
    let pair = Pair::linked().await?;
    pair.settle().await?;
    let two = &pair.two;
    two.run(&format!(
        "{AS_BEFORE}; grant temporary on database {} to public",
        two.name
    ))
    .await?;
    sql::migrate::cluster(&two.config).await?;

    let owner = "select subowner::regrole::text from pg_subscription where subname = 'keystead_1_to_2'";
    assert_eq!(two.text(owner).await?, "keystead_apply");
    let functions = "select string_agg(concat(proname, ' ', proowner::regrole, ' ', prosecdef, ' ', proconfig), ', ' order by proname)
        from pg_proc where oid in ('peer.call(text, jsonb)'::regprocedure, 'replication.unbury_node(public.node)'::regprocedure)";
    assert_eq!(
        two.text(functions).await?,
        "call keystead_peer_api t {\"search_path=pg_catalog, pg_temp\"}, \
         unbury_node keystead f {session_replication_role=replica}"
    );
    let open = "select concat(has_function_privilege('public', 'pg_catalog.pg_sleep(double precision)', 'execute'),
        has_function_privilege('public', 'replication.let_go(text)', 'execute'),
        has_database_privilege('public', current_database(), 'temporary'), has_language_privilege('public', 'plpgsql', 'usage'))";
    assert_eq!(two.text(open).await?, "ffff");
    let limits = "select concat(rolconnlimit, ' ', rolconfig) from pg_roles where rolname = 'peer_00000000000000000000000000000009'";
    assert_eq!(
        two.text(limits).await?,
        "2 {temp_file_limit=256MB,log_min_messages=fatal,log_min_error_statement=panic}"
    );
    pair.one.run("insert into public.item values ('a', 'after')").await?;
    pair.settle().await?;
    assert_eq!(two.text("select value from public.item").await?, "after");
    Ok(())
}

/// What a peer publishes past the merge would bring back what is removed and destroyed, or take out what is there.
#[tokio::test]
async fn what_a_peer_sends_past_the_merge_changes_nothing() -> Result<()> {
    for change in [
        "update public.item set value = 'hostile' where id = 'kept'",
        "delete from public.item where id = 'kept'",
        "truncate public.item",
        "truncate replication.outbox_item",
    ] {
        is_refused_where_it_arrives(change).await?;
    }
    Ok(())
}

async fn is_refused_where_it_arrives(change: &str) -> Result<()> {
    let pair = Pair::linked().await?;
    pair.one
        .run("insert into public.item values ('kept', 'as it was')")
        .await?;
    pair.settle().await?;
    pair.one
        .run(&format!(
            "alter publication keystead set table public.item, replication.outbox_item;
             alter publication keystead set (publish = 'insert, update, delete, truncate');
             begin; set local session_replication_role = replica; {change}; commit"
        ))
        .await?;
    let failures = "select apply_error_count from pg_stat_subscription_stats where subname = 'keystead_1_to_2'";
    until(&format!("this is refused: {change}"), PATIENCE, async || {
        Ok(pair.two.count(failures).await? > 0)
    })
    .await?;
    let here = "select string_agg(concat(id, ' ', value), ', ') from public.item";
    assert_eq!(pair.two.text(here).await?, "kept as it was", "{change}");
    // What this node sends itself goes on.
    pair.two.run("insert into public.item values ('own', 'x')").await?;
    pair.barrier(&pair.two, &pair.one).await
}

#[tokio::test]
async fn a_member_holds_the_lease_as_itself_for_a_minute_at_the_most_and_gives_no_number_far_away() -> Result<()> {
    let node = Alone::start().await?;
    let member = intruder(&node, true).await?;
    let ask = async |what: &str| Ok::<bool, anyhow::Error>(member.query_one(what, &[]).await?.get(0));
    assert!(sql::lease::grant(&node.db, "ours", 60).await?.granted);
    assert!(
        !ask("select granted from peer.grant_lease('ours', 60)").await?,
        "another's lease is not prolonged"
    );
    assert!(!ask("select peer.reserve_number('ours', 3)").await?, "nor used");
    member.batch_execute("select peer.end_lease('ours')").await?;
    assert!(
        !ask("select granted from peer.grant_lease('own', 60)").await?,
        "nor ended"
    );
    sql::lease::end(&node.db, "ours").await?;

    assert!(ask("select granted from peer.grant_lease('own', 60)").await?);
    node.run("update replication.lease set since = since - interval '50 s'")
        .await?;
    assert!(ask("select granted from peer.grant_lease('own', 60)").await?);
    let left = "select extract(epoch from until - clock_timestamp()) < 11 from replication.lease";
    assert!(node.row(left).await?.get::<_, bool>(0), "a minute in all");

    for far in ["2147483647", "400", "1000000"] {
        assert!(
            !ask(&format!("select peer.reserve_number('own', {far})")).await?,
            "{far}"
        );
        let record = format!(
            "select peer.record_node('own', '{}', {far}, 'h', 5432, '', '5e')",
            "a".repeat(32)
        );
        assert!(!ask(&record).await?, "{far}");
    }
    assert!(
        ask("select peer.reserve_number('own', 258)").await?,
        "it may have missed some"
    );
    for bad in [
        "'own', 'not an id', 3, 'h', 5432, '', '5e'",
        "'own', '00000000000000000000000000000003', 3, 'h', 99999, '', '5e'",
        "'own', '00000000000000000000000000000003', -1, 'h', 5432, '', '5e'",
        "'own', '00000000000000000000000000000003', 3, 'a b', 5432, '', '5e'",
        "'own', '00000000000000000000000000000003', 3, 'h', 5432, '', 'no serial'",
    ] {
        let said = refused(&member, &format!("select peer.record_node({bad})")).await?;
        assert_eq!(said.message(), "this is no node", "{bad}");
    }
    Ok(())
}

/// The lane is part of a version: with one of its own, a member would make a row that nobody can change.
#[tokio::test]
async fn a_member_does_not_choose_the_version_of_a_node_that_it_records() -> Result<()> {
    let node = Alone::start().await?;
    node.run("select replication.set_lanes(2)").await?;
    let member = intruder(&node, true).await?;
    member
        .batch_execute(
            "set keystead.lane = '7427467448194072193';
             select peer.grant_lease('own', 60);
             select peer.record_node('own', '00000000000000000000000000000003', 3, 'h', 5432, '', '5e')",
        )
        .await?;
    let sound = "select version < 5000000000000000 from public.node where number = 3";
    assert!(node.row(sound).await?.get::<_, bool>(0));
    node.run("update public.node set state = 'removed' where number = 3")
        .await
}
