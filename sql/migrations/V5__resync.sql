-- Noticing that something was missed, on both sides of a link, and remembering it until it is mended.
--
-- docs/replication.md, "Links that have lost something", says what finds what and how soon.

-- The runs of this node's agent: which beats it remembers having sent. The one that is on has no end.
create table replication.run (
    run text primary key,
    began bigint not null,
    ended bigint
);
create unique index one_run_is_on on replication.run ((true)) where ended is null;

-- Peers whose rows must be read anew, and why. A row stays until that is done, whatever happens in between.
create table replication.resync (
    number integer primary key,
    reason text not null,
    had bigint,
    came bigint,
    since timestamptz not null default clock_timestamp()
);

-- A row here keeps this node from serving: it was rolled back, and its peers know more of it than it does. It has every
-- deletion up to a time; what is purged beyond that it cannot learn of any more, and is too old.
create table replication.fence (
    only_one boolean primary key default true check (only_one),
    since timestamptz not null default clock_timestamp(),
    has_all_up_to bigint not null,
    too_old boolean not null default false
);

-- How this node's slots were at the last look, and whether one is no longer where its reader left it.
create table replication.slot_seen (
    number integer not null,
    lane integer not null,
    active boolean not null,
    confirmed pg_lsn not null,
    sent bigint not null,
    counting text not null,
    moved boolean not null default false,
    primary key (number, lane)
);

-- Heartbeats of peers that have come in order and promise what has not come yet in other lanes. They are heard when it has.
create table replication.promised (
    number integer not null,
    version bigint not null,
    beat bigint not null,
    run text not null,
    lanes integer not null,
    lane_beats bigint[] not null,
    heartbeat jsonb not null,
    primary key (number, version)
);

-- Where a session lays the rows of a peer's table aside.
create function replication.staged(relation text) returns text
    language sql immutable as
$$
    select 'pg_temp.' || quote_ident('staged_' || md5(relation))
$$;

-- Makes an empty place for the rows of a peer's table, and says where.
create function replication.stage(relation text) returns text
    language plpgsql as
$$
declare
    e replication.enlisted;
begin
    select * into strict e from replication.enlisted t where t.relation = stage.relation;
    execute format('drop table if exists %s', replication.staged(relation));
    -- With defaults: a peer of an older version has fewer columns.
    execute format('create table %s (like %s including defaults)', replication.staged(relation), e.outbox);
    return replication.staged(relation);
end
$$;

-- Merges what was laid aside and differs from what is here, in replica role. Rows that are the same are not even locked:
-- most are.
create function replication.merge_staged(relation text) returns void
    language plpgsql as
$$
declare
    e replication.enlisted;
begin
    select * into strict e from replication.enlisted t where t.relation = merge_staged.relation;
    execute format('insert into %s (%s) select %s from %s s left join %s t on (%s) = (%s)
                    where record_image_ne(row(%3$s), row(%8$s)) order by %7$s',
                   e.outbox, replication.list(e.columns), replication.list(e.columns, 's.'), replication.staged(relation),
                   e.relation, replication.list(e.key_columns, 't.'), replication.list(e.key_columns, 's.'),
                   replication.list(e.columns, 't.'));
end
$$;

-- One beat of this node, with what it has of every other. The first one of a run begins it.
create function replication.beat(number integer, at bigint) returns void
    language plpgsql as
$$
declare
    running replication.run;
begin
    -- Locked until this beat is committed, so that the run does not end below it.
    select * into running from replication.run where ended is null for share;
    if not found then
        insert into replication.run (run, began)
        values (gen_random_uuid()::text,
                coalesce((select h.beat from public.heartbeat h where h.number = beat.number), 0) + 1)
        on conflict do nothing;
        select * into strict running from replication.run where ended is null for share;
    end if;
    perform set_config('keystead.lane', '0', true);
    insert into public.heartbeat as h (number, at, seen, beat, run, began, lanes, lane_beats)
    select beat.number, beat.at,
           coalesce(jsonb_object_agg(o.number, o.at), '{}') || jsonb_build_object(beat.number, beat.at),
           running.began, running.run, running.began, replication.lanes(), replication.lane_beats(beat.number)
    from live.heartbeat o where o.number <> beat.number
    on conflict on constraint heartbeat_pkey do update set
        at = greatest(h.at, excluded.at), seen = excluded.seen, beat = h.beat + 1, run = excluded.run,
        began = excluded.began, lanes = excluded.lanes,
        -- Those that go with the time that stays.
        lane_beats = case when excluded.at >= h.at then excluded.lane_beats else h.lane_beats end;
end
$$;

-- The run that was on has ended with the newest beat that this node remembers. An agent that died may have left one on
-- its way: it is waited for, and counted, or the node would not know it afterwards.
create function replication.end_run() returns void
    language plpgsql as
$$
begin
    perform from replication.run where ended is null for update;
    update replication.run
    set ended = coalesce((select beat from public.heartbeat where number = replication.this_node()), 0)
    where ended is null;
end
$$;

-- The newest beat of every run that this node remembers.
create function replication.past() returns table (run text, ended bigint)
    language sql stable as
$$
    select run, coalesce(ended, (select beat from public.heartbeat where number = replication.this_node()), 0)
    from replication.run
$$;

-- Takes over what a peer has heard of this node, as if it remembered it, and rises above it.
create function replication.remember(run text, beat bigint, version bigint) returns void
    language sql as
$$
    insert into replication.run as r (run, began, ended) values (remember.run, 0, remember.beat)
    on conflict (run) do update set ended = greatest(r.ended, excluded.ended);
    select setval('replication.floor', greatest(remember.version, pg_sequence_last_value('replication.floor')));
$$;

-- Something of a peer was missed: all its rows are to be read anew.
create function replication.miss(peer_number integer, had bigint, came bigint) returns void
    language plpgsql as
$$
begin
    insert into replication.resync (number, reason, had, came) values (peer_number, 'gap', miss.had, miss.came)
    on conflict do nothing;
    if found then
        perform pg_catalog.pg_notify('keystead_resync', '');
    end if;
end
$$;

-- Fires before a peer's heartbeat is merged: one that does not follow on the one before is left out, so that the heartbeat
-- that is here goes on proving that everything up to it has come. Only what comes through a subscription is in order. One
-- that promises what is still on its way in other lanes is laid aside: whoever waits for it here would hold up its lane.
create function replication.hear() returns trigger
    language plpgsql as
$$
declare
    had record;
    waiting replication.promised;
begin
    if pg_trigger_depth() > 1 or not pg_catalog.pg_replication_origin_session_is_setup() then
        return new;
    end if;
    select h.beat, h.run, h.version into had from public.heartbeat h where h.number = new.number;
    if new.version <= coalesce(had.version, 0) then
        return new;
    end if;
    if cardinality(new.lane_beats) > 0 then
        perform replication.lock_promised(new.number);
        select * into waiting from replication.promised p where p.number = new.number order by p.version desc limit 1;
        if new.version <= coalesce(waiting.version, 0) then
            return null;
        end if;
    end if;
    if new.beat <> coalesce(waiting.beat, had.beat, 0) + 1
       or new.run <> coalesce(waiting.run, had.run, '') and new.began <> new.beat then
        perform replication.miss(new.number, coalesce(waiting.beat, had.beat, 0), new.beat);
        return null;
    end if;
    if cardinality(new.lane_beats) > 0 then
        if not replication.has_come(new.number, new.lane_beats) then
            insert into replication.promised
            values (new.number, new.version, new.beat, new.run, new.lanes, new.lane_beats, to_jsonb(new));
            return null;
        end if;
        delete from replication.promised p where p.number = new.number;
    end if;
    return new;
end
$$;
-- Before "merge", by its name.
create trigger hear before insert on replication.outbox_heartbeat
    for each row execute function replication.hear();
alter table replication.outbox_heartbeat enable replica trigger hear;
-- A node's first heartbeat comes for the table itself.
create trigger hear before insert on public.heartbeat
    for each row when (pg_trigger_depth() = 0 and pg_replication_origin_session_is_setup())
    execute function replication.hear();
alter table public.heartbeat enable replica trigger hear;

-- The slot this node keeps for another, of a lane.
create function replication.slot_for(number integer, lane integer) returns text
    language sql stable as
$$
    select case when lane = 0 then format('keystead_%s_to_%s', replication.this_node(), number)
                else format('lane_%s_to_%s_%s', replication.this_node(), number, lane) end
$$;

-- The slots this node keeps for others. How many transactions went through one is counted since some moment, which
-- changes when the counters are lost.
create view replication.kept as
select node.number, lane, slot.active, slot.confirmed_flush_lsn as confirmed, slot.wal_status,
       coalesce(counted.total_txns, 0) as sent,
       concat(date_part('epoch', server.stats_reset), ' ', date_part('epoch', counted.stats_reset)) as counting
from public.node
cross join generate_series(0, 3) lane
join pg_replication_slots slot
    on slot.slot_name = replication.slot_for(node.number, lane)
    and slot.plugin = 'pgoutput' and slot.database = current_database()
left join pg_stat_replication_slots counted on counted.slot_name = slot.slot_name
cross join pg_stat_bgwriter server
where node.state <> 'removed';

-- Looks at the slots. One that is gone, was made anew by somebody else, or went forward while nobody read from it is
-- marked until it is made anew for its reader. Nothing is looked at while that happens.
create function replication.watch_slots() returns void
    language plpgsql as
$$
begin
    if not pg_try_advisory_xact_lock(hashtextextended('replication.slot_seen', 0)) then
        return;
    end if;
    insert into replication.slot_seen as seen (number, lane, active, confirmed, sent, counting)
    select number, lane, active, confirmed, sent, counting from replication.kept where confirmed is not null
    on conflict (number, lane) do update set
        active = excluded.active, confirmed = excluded.confirmed, sent = excluded.sent, counting = excluded.counting,
        moved = seen.moved
            or seen.counting = excluded.counting and excluded.sent < seen.sent
            or not seen.active and not excluded.active and excluded.sent = seen.sent
               and excluded.confirmed > seen.confirmed
    -- While a slot is read from, its positions matter little: they are written down now and then.
    where seen.active <> excluded.active or seen.counting <> excluded.counting
       or not excluded.active and seen.confirmed <> excluded.confirmed
       or excluded.sent < seen.sent or excluded.sent > 2 * seen.sent;
    update replication.slot_seen set moved = true
    where not moved and not exists (select from replication.kept
                                    where (kept.number, kept.lane) = (slot_seen.number, slot_seen.lane));
    delete from replication.slot_seen
    where not exists (select from public.node where node.number = slot_seen.number and state <> 'removed');
    delete from replication.resync
    where exists (select from public.node where node.number = resync.number and state = 'removed');
end
$$;

-- The peer's rows are here. Its newest heartbeat from before they were read is heard now; null leaves what was heard.
create function replication.resynced(peer_number integer, newest jsonb) returns void
    language plpgsql set session_replication_role = replica as
$$
begin
    if newest is not null then
        delete from replication.promised where number = peer_number;
        -- Put in their place, not merged: the peer may have been rolled back, and count from less.
        delete from public.lane_beat where number = peer_number;
        insert into public.lane_beat
        select * from jsonb_populate_recordset(null::public.lane_beat, newest -> 'in_lanes');
        insert into replication.outbox_heartbeat
        select (jsonb_populate_record(null::replication.outbox_heartbeat, newest)).*;
    end if;
    delete from replication.resync where number = peer_number;
end
$$;

-- A node that remembers too little must not vouch for numbers of new nodes.
create function replication.refuse_while_fenced() returns trigger
    language plpgsql as
$$
begin
    if exists (select from replication.fence) then
        raise exception 'this node was rolled back and has not caught up yet'
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    return new;
end
$$;
create trigger refuse_while_fenced before insert or update on replication.lease
    for each row execute function replication.refuse_while_fenced();

-- Are the caller's slots good? 'kept', 'missing', 'lost' or 'moved'; null to one that is not a node.
create function peer.slot_kept() returns text
    language sql stable security definer set search_path = '' as
$$
    select case when caller.number is null then null
                when exists (select from generate_series(0, replication.lanes() - 1) lane
                             where not exists (select from replication.kept
                                               where (kept.number, kept.lane) = (caller.number, lane.lane))) then 'missing'
                when exists (select from replication.kept where number = caller.number and wal_status = 'lost') then 'lost'
                when exists (select from replication.slot_seen where number = caller.number and moved) then 'moved'
                else 'kept' end
    from (select peer.caller_number() as number) caller
$$;

-- The newest heartbeat of a node that has come here in order, heard or not yet.
create function replication.heard(of_node integer) returns table (run text, beat bigint, version bigint)
    language sql stable as
$$
    select run, beat, version from public.heartbeat where number = of_node
    union all
    select run, beat, version from replication.promised where number = of_node
    order by version desc limit 1
$$;

-- The newest heartbeat of the caller that has come here in order.
create function peer.heard_of_me() returns table (run text, beat bigint, version bigint)
    language sql stable security definer set search_path = '' as
$$
    select run, beat, version from replication.heard(peer.caller_number())
$$;

-- What this node remembers of its own beats; nothing while it knows that it remembers too little.
create function peer.past() returns table (run text, ended bigint)
    language sql stable security definer set search_path = '' as
$$
    select run, ended from replication.past() where not exists (select from replication.fence)
$$;

-- Keeps this node's changes for the caller from now on, under new slots. What came before it is the caller's to copy.
create function peer.keep_changes_anew() returns void
    language plpgsql security definer set search_path = '' as
$$
declare
    caller integer := peer.caller_number();
begin
    if caller is null then
        raise exception 'only a node of this cluster may ask this' using errcode = 'insufficient_privilege';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('replication.slot_seen', 0));
    for lane in 0..3 loop
        perform replication.let_go(replication.slot_for(caller, lane));
    end loop;
    perform replication.keep_lanes(caller);
    perform pg_create_logical_replication_slot(replication.slot_for(caller, 0), 'pgoutput');
    -- After the slots: none can be made where something was written.
    delete from replication.slot_seen where number = caller;
end
$$;

revoke execute on all functions in schema replication, peer from public;
grant execute on function peer.slot_kept(), peer.heard_of_me(), peer.past(), peer.keep_changes_anew() to keystead_peer;
