-- The cluster's own tables, and what a peer may ask for over its connection.

-- Ordered: a node's state only rises, so a removed node never comes back.
create type public.node_state as enum ('joining', 'ready', 'removing', 'removed');

create table public.node (
    id text primary key,
    number integer not null,
    host text not null,
    port integer not null,
    public_address text not null,
    state public.node_state not null,
    stage text not null,
    serial text not null,
    joined_at timestamptz not null default now()
);
select replication.enlist('public.node', '{"state": "greatest"}');

-- One row a node: the time up to which everything of it has arrived where this row has, and what it has of the others.
-- Beats are counted without a gap. A run is one life of the node's agent, and begins with a beat of its own: who has a
-- beat of a run that the node does not know has heard more of it than the node remembers. It says in how many lanes the
-- node sends, and which beat of each other lane it goes with: V13__lanes.sql.
create table public.heartbeat (
    number integer primary key,
    at bigint not null,
    seen jsonb not null,
    beat bigint not null default 0,
    run text not null default '',
    began bigint not null default 0,
    lanes integer not null default 1,
    lane_beats bigint[] not null default '{}'
);
select replication.enlist('public.heartbeat', digested => false);

-- One row a node: how it sees every other, so that what a dead node last said is still there.
create table public.node_view (
    viewer text primary key,
    document jsonb not null
);
select replication.enlist('public.node_view', digested => false);

-- Keys of the cluster, wrapped by its master key: the CA's, the token-signing key, the key-encryption keys.
create table public.cluster_key (
    name text primary key,
    public bytea,
    wrapped bytea not null
);
select replication.enlist('public.cluster_key');

-- Wakes this node's agent, also when the change arrived from a peer: for each row, as subscriptions fire nothing for
-- statements.
create function public.tell_node_changed() returns trigger
    language plpgsql as
$$
begin
    perform pg_catalog.pg_notify('keystead_node', '');
    return null;
end
$$;
create trigger tell_node_changed after insert or update on public.node
    for each row execute function public.tell_node_changed();
alter table public.node enable always trigger tell_node_changed;

-- Granted by each member to one change of members at a time; never replicated.
create table replication.lease (
    only_one boolean primary key default true check (only_one),
    holder text not null,
    until timestamptz not null,
    highest_number integer not null
);

-- What peers ask this node's agent; never replicated.
create table replication.call (
    id bigint generated always as identity primary key,
    caller text not null,
    kind text not null,
    body jsonb not null,
    answer jsonb,
    asked_at timestamptz not null default now()
);

-- Everything below is what a peer's role may do. Definer's rights, fixed search_path, inputs checked.
create schema peer;
comment on schema peer is 'what other nodes may ask of this one';

create function peer.caller_number() returns integer
    language sql stable security definer set search_path = '' as
$$
    select number from public.node
    where session_user = 'peer_' || id and state in ('joining', 'ready')
$$;

create function peer.call(kind text, body jsonb) returns bigint
    language plpgsql security definer set search_path = '' as
$$
declare
    call_id bigint;
begin
    if length(kind) > 40 or pg_column_size(body) > 65536 then
        raise exception 'the call is too large' using errcode = 'program_limit_exceeded';
    end if;
    insert into replication.call (caller, kind, body) values (session_user, call.kind, call.body)
    returning id into call_id;
    perform pg_notify('keystead_call', call_id::text);
    return call_id;
end
$$;

-- Null until the agent has answered. An answer is given once.
create function peer.answer(call_id bigint) returns jsonb
    language sql security definer set search_path = '' as
$$
    delete from replication.call where id = call_id and caller = session_user and answer is not null returning answer
$$;

-- From now on this node keeps its changes for the caller. Asking again changes nothing.
create function peer.keep_changes() returns pg_lsn
    language plpgsql security definer set search_path = '' as
$$
declare
    slot text := format('keystead_%s_to_%s', replication.this_node(), peer.caller_number());
    kept pg_lsn;
begin
    if peer.caller_number() is null then
        raise exception 'only a node of this cluster may ask this' using errcode = 'insufficient_privilege';
    end if;
    select confirmed_flush_lsn into kept from pg_catalog.pg_replication_slots where slot_name = slot;
    if not found then
        -- The slots of other lanes come first: where this one is, they were made.
        perform replication.keep_lanes(peer.caller_number());
        select lsn into kept from pg_catalog.pg_create_logical_replication_slot(slot, 'pgoutput');
    end if;
    return kept;
end
$$;

-- How far the node with this number has made this node's changes durable; null when no slot is kept for it.
create function peer.confirmed_by(number integer) returns pg_lsn
    language sql stable security definer set search_path = '' as
$$
    select confirmed_flush_lsn from pg_catalog.pg_replication_slots
    where slot_name = format('keystead_%s_to_%s', replication.this_node(), number)
$$;

-- Bytes of this node's WAL that the caller has not yet confirmed.
create function peer.my_lag() returns bigint
    language sql stable security definer set search_path = '' as
$$
    select pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), peer.confirmed_by(peer.caller_number()))::bigint
$$;

-- Grants the right to change members for some seconds, unless somebody else has it. Says the highest number given.
create function peer.grant_lease(lease_holder text, seconds integer)
    returns table (granted boolean, highest_number integer)
    language plpgsql security definer set search_path = '' as
$$
begin
    if session_user <> current_user
       and not exists (select from public.node where session_user = 'peer_' || id and state = 'ready') then
        raise exception 'only a member may ask this' using errcode = 'insufficient_privilege';
    end if;
    insert into replication.lease as l (holder, until, highest_number)
    values (lease_holder, clock_timestamp() + make_interval(secs => least(seconds, 60)), 0)
    on conflict (only_one) do update set holder = excluded.holder, until = excluded.until
    where l.holder = excluded.holder or l.until < clock_timestamp();
    return query
        select l.holder = lease_holder,
               greatest(l.highest_number, (select max(n.number) from public.node n))
        from replication.lease l;
end
$$;

-- Sets a number aside for the holder of the lease: from now on no lease gives it again, whatever becomes of the holder.
create function peer.reserve_number(lease_holder text, number integer) returns boolean
    language plpgsql security definer set search_path = '' as
$$
begin
    update replication.lease
    set highest_number = greatest(highest_number, number)
    where holder = lease_holder and until > clock_timestamp();
    return found;
end
$$;

-- Gives the lease back.
create function peer.end_lease(lease_holder text) returns void
    language sql security definer set search_path = '' as
$$
    update replication.lease set until = 'epoch' where holder = lease_holder
$$;

-- Up to which time tombstones may be gone here.
create function peer.purged_up_to() returns bigint
    language sql stable security definer set search_path = '' as
$$
    select pg_catalog.pg_sequence_last_value('replication.purge_floor')
$$;

create function peer.digest(buckets integer, until bigint, purged_up_to bigint)
    returns table (relation text, bucket integer, row_count bigint, total text)
    language sql security definer set search_path = '' as
$$
    select * from replication.digest(buckets, until, purged_up_to)
$$;

-- The enlisted tables with their columns and what there is to copy.
create function peer.tables()
    returns table (relation text, columns text[], row_count bigint, bytes bigint)
    language plpgsql security definer set search_path = '' as
$$
declare
    t replication.enlisted;
begin
    for t in select * from replication.enlisted e order by e.relation loop
        return query execute format(
            'select %L::text, %L::text[], count(*), pg_catalog.pg_table_size(%L::regclass) from %s',
            t.relation, t.columns, t.relation, t.relation);
    end loop;
end
$$;

-- A guest was signed and may begin its join: it may leave a call, nothing else. A peer is a recorded node.
do
$$
begin
    if not exists (select from pg_roles where rolname = 'keystead_guest') then
        create role keystead_guest nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'keystead_peer') then
        create role keystead_peer nologin in role keystead_guest;
    end if;
end
$$;
revoke all on schema public from public;
revoke execute on all functions in schema replication, peer, public from public;
grant usage on schema peer to keystead_guest;
grant execute on function peer.call(text, jsonb), peer.answer(bigint) to keystead_guest;
grant usage on schema public, live to keystead_peer;
grant execute on function peer.keep_changes(), peer.confirmed_by(integer), peer.my_lag(),
    peer.grant_lease(text, integer), peer.reserve_number(text, integer), peer.end_lease(text), peer.digest(integer, bigint, bigint),
    peer.purged_up_to(), peer.tables()
    to keystead_peer;
-- A peer gets every row by replication anyway; what is secret in them is wrapped before it reaches PostgreSQL.
alter default privileges in schema public grant select on tables to keystead_peer;
grant select on public.node, public.heartbeat, public.node_view, public.cluster_key to keystead_peer;
grant select on live.node, live.heartbeat to keystead_peer;
