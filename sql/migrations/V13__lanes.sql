-- Lanes: one node's changes, carried to each other by more than one worker. docs/replication.md, "Lanes".
--
-- A lane is a publication, and for each peer a slot, a subscription and a worker. A transaction is in one lane as a whole:
-- the version of its rows tells which (V1__replication.sql, `set_lanes`). A slot of each lane is there before anything is
-- sent in it, so nothing is missed.

-- One row for each other lane of a node. Before a heartbeat leaves in the first lane, a beat leaves in each other; the
-- heartbeat names it, and is heard where that has come (V5__resync.sql, `hear`).
create table public.lane_beat (
    number integer not null,
    lane integer not null,
    beat bigint not null,
    primary key (number, lane)
);
select replication.enlist('public.lane_beat', digested => false);

-- How many lanes the cluster is set to.
create function replication.wanted_lanes() returns integer
    language sql stable as
$$
    select coalesce((select value::integer from live.cluster_property where name = 'lanes' and value ~ '^[1-4]$'), 1)
$$;

-- The newest beats of a node's other lanes, in their order: also of those it sends in no more, whose last one tells that
-- all of them has come.
create function replication.lane_beats(of_node integer) returns bigint[]
    language sql stable as
$$
    select coalesce(array_agg(coalesce(b.beat, 0) order by lane.lane), '{}')
    from generate_series(1, (select max(m.lane) from public.lane_beat m where m.number = of_node)) lane
    left join public.lane_beat b on b.number = of_node and b.lane = lane.lane
$$;

-- Have these beats of a node's other lanes come?
create function replication.has_come(of_node integer, beats bigint[]) returns boolean
    language sql stable as
$$
    select not exists (
        select from unnest(beats) with ordinality as named (beat, lane)
        where named.beat > coalesce((select b.beat from public.lane_beat b
                                     where b.number = of_node and b.lane = named.lane), 0))
$$;

-- One beat of this node in another lane than the first. Nothing in a lane that is not in use: looked at when nobody can
-- change that any more.
create function replication.beat_in_lane(beating_lane integer) returns void
    language plpgsql as
$$
begin
    lock table public.lane_beat in row exclusive mode;
    if beating_lane < replication.lanes() then
        perform set_config('keystead.lane', beating_lane::text, true);
        insert into public.lane_beat as b (number, lane, beat) values (replication.this_node(), beating_lane, 1)
        on conflict (number, lane) do update set beat = b.beat + 1;
    end if;
end
$$;

-- From now on this node sends in so many lanes. False when not every reader has its slots yet, or somebody is writing for
-- long: to be asked again. No transaction is cut in two by it, and none before it is left without a last beat of its lane.
create function replication.send_in_lanes(number integer) returns boolean
    language plpgsql as
$$
begin
    if number not between 1 and 4 then
        raise exception 'there are 1 to 4 lanes, not %', number using errcode = 'invalid_parameter_value';
    end if;
    if number = replication.lanes() then
        return true;
    end if;
    if not pg_try_advisory_xact_lock(hashtextextended('replication.lanes', 0))
       or exists (select from pg_replication_slots main cross join generate_series(1, number - 1) lane
                  where starts_with(main.slot_name, format('keystead_%s_to_', replication.this_node()))
                    and not exists (select from pg_replication_slots
                                    where slot_name = format('lane_%s_%s', substr(main.slot_name, length('keystead_') + 1), lane))) then
        return false;
    end if;
    perform set_config('lock_timeout', '500ms', true);
    begin
        execute (select format('lock table %s in share mode', string_agg(relation, ', ' order by relation))
                 from replication.enlisted);
    exception when lock_not_available then
        return false;
    end;
    for lane in number .. replication.lanes() - 1 loop
        perform replication.beat_in_lane(lane);
    end loop;
    perform replication.set_lanes(number);
    return true;
end
$$;

-- One of those that hear a node's lanes at a time.
create function replication.lock_promised(of_node integer) returns void
    language sql as
$$
    select pg_advisory_xact_lock(hashtextextended('replication.promised', of_node))
$$;

-- Fires before a beat of a lane is merged: as for a heartbeat, one that does not follow on the one before is left out.
create function replication.hear_in_lane() returns trigger
    language plpgsql as
$$
declare
    had record;
begin
    if pg_trigger_depth() > 1 or not pg_catalog.pg_replication_origin_session_is_setup() then
        return new;
    end if;
    select b.beat, b.version into had from public.lane_beat b where (b.number, b.lane) = (new.number, new.lane);
    if new.version > coalesce(had.version, 0) and new.beat <> coalesce(had.beat, 0) + 1 then
        perform replication.miss(new.number, coalesce(had.beat, 0), new.beat);
        return null;
    end if;
    return new;
end
$$;
create trigger hear before insert on replication.outbox_lane_beat
    for each row execute function replication.hear_in_lane();
alter table replication.outbox_lane_beat enable replica trigger hear;
create trigger hear before insert on public.lane_beat
    for each row execute function replication.hear_in_lane();
alter table public.lane_beat enable replica trigger hear;

-- A beat of a lane has come: the newest heartbeat that waited for it is heard, and those before it are no longer needed.
create function replication.hear_promised() returns trigger
    language plpgsql as
$$
declare
    kept replication.promised;
begin
    perform replication.lock_promised(new.number);
    select * into kept from replication.promised p
    where p.number = new.number and replication.has_come(p.number, p.lane_beats) order by p.version desc limit 1;
    if found then
        insert into replication.outbox_heartbeat
        select (jsonb_populate_record(null::replication.outbox_heartbeat, kept.heartbeat)).*;
        delete from replication.promised p where p.number = kept.number and p.version <= kept.version;
    end if;
    return null;
end
$$;
create trigger hear_promised after insert or update on public.lane_beat
    for each row execute function replication.hear_promised();
alter table public.lane_beat enable replica trigger hear_promised;

-- Makes the slots of all other lanes that this node sends in, or is to send in, for another.
create function replication.keep_lanes(reader integer) returns void
    language plpgsql as
$$
begin
    -- Not while the number of lanes changes.
    perform pg_advisory_xact_lock_shared(hashtextextended('replication.lanes', 0));
    perform pg_create_logical_replication_slot(slot, 'pgoutput')
    from generate_series(1, greatest(replication.lanes(), replication.wanted_lanes()) - 1) lane,
         replication.slot_for(reader, lane) slot
    where not exists (select from pg_replication_slots where slot_name = slot);
end
$$;

-- Drops a slot if it is there, ending the session that reads it, which must not be back before that.
create function replication.let_go(slot text) returns void
    language plpgsql as
$$
declare
    reader integer;
begin
    for try in 1..5000 loop
        select active_pid into reader from pg_replication_slots where slot_name = slot;
        if not found then
            return;
        end if;
        if reader is not null then
            perform pg_terminate_backend(reader);
            perform pg_sleep(0.002);
            continue;
        end if;
        begin
            perform pg_drop_replication_slot(slot);
            return;
        exception when object_in_use then
            null;
        end;
    end loop;
    raise exception 'the slot % is read from, and its reader does not end', slot using errcode = 'object_in_use';
end
$$;

-- From now on this node keeps for the caller what it will send in a lane. False when it sends in it already and keeps
-- nothing: then something was lost, and `peer.slot_kept` says so.
create function peer.keep_lane(lane integer) returns boolean
    language plpgsql security definer set search_path = '' as
$$
declare
    caller integer := peer.caller_number();
    slot text := replication.slot_for(caller, lane);
begin
    if caller is null then
        raise exception 'only a node of this cluster may ask this' using errcode = 'insufficient_privilege';
    end if;
    if lane not between 1 and 3 then
        raise exception 'there is no lane %', lane using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock_shared(hashtextextended('replication.lanes', 0));
    if exists (select from pg_replication_slots where slot_name = slot) then
        return true;
    end if;
    if lane < replication.lanes()
       or not exists (select from pg_replication_slots where slot_name = replication.slot_for(caller, 0)) then
        return false;
    end if;
    perform pg_create_logical_replication_slot(slot, 'pgoutput');
    return true;
end
$$;

-- The caller has everything that this node has sent in a lane, and it is sent in no more: nothing is kept of it. False
-- while it is sent in.
create function peer.end_lane(ended integer) returns boolean
    language plpgsql security definer set search_path = '' as
$$
declare
    caller integer := peer.caller_number();
begin
    if caller is null then
        raise exception 'only a node of this cluster may ask this' using errcode = 'insufficient_privilege';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('replication.slot_seen', 0));
    perform pg_advisory_xact_lock_shared(hashtextextended('replication.lanes', 0));
    if ended not between 1 and 3 or ended < replication.lanes() then
        return false;
    end if;
    perform replication.let_go(replication.slot_for(caller, ended));
    delete from replication.slot_seen where (number, lane) = (caller, ended);
    return true;
end
$$;

revoke execute on all functions in schema replication, peer from public;
grant execute on function peer.keep_lane(integer), peer.end_lane(integer) to keystead_peer;
