-- Rows that no node writes: set aside where they arrive, before they are merged. docs/replication.md, "Rows that are set aside".
--
-- What a peer sends is data. A version near the end of its type could never be written over, a number at its end could never
-- be followed by another, and an id that does not parse stops who reads it. No constraint says so: a row that violates one
-- stops the link. What is bad depends on the row alone, so it is the same on all nodes and digests agree; and, like a new
-- column, a rule is in force when every member knows it.

-- By table, what breaks a rule: an expression of the row, which is called new there. Under '' what holds for every table. It
-- came with the migration `since`, and never changes: another rule is another row.
create table replication.rule (
    relation text not null,
    since integer not null,
    broken text not null,
    primary key (relation, since)
);

-- The rules that every member knows are those up to this migration.
create table replication.rules_in_force (
    only_one boolean primary key default true check (only_one),
    up_to integer not null
);
insert into replication.rules_in_force (up_to) values (0);

-- What was set aside, and what a reader skipped: on this node alone, the first of each key, a thousand in all.
create table replication.bad_row (
    relation text not null,
    key text not null,
    sender integer,
    origin integer,
    version bigint,
    found_at timestamptz not null,
    row_text text,
    primary key (relation, key)
);

-- What other nodes did with their connections that no node does, by node: src/member/misuse.rs.
create table replication.misuse (
    node text primary key,
    said text not null,
    seen_at timestamptz not null
);

-- The number of the node whose changes this session applies; null in a session that applies none.
create function replication.sender() returns integer
    language plpgsql stable as
$$
begin
    if not pg_catalog.pg_replication_origin_session_is_setup() then
        return null;
    end if;
    return (select split_part(s.subname, '_', 2)::integer from pg_catalog.pg_stat_subscription s
            where s.pid = pg_catalog.pg_backend_pid() and s.subname ~ '^(keystead|lane)_[0-9]{1,9}_to_' limit 1);
end
$$;

-- Remembers a bad row. Few are kept, and little of each: who sends one may send many.
create function replication.set_aside(relation text, key text, origin integer, version bigint, content jsonb) returns void
    language plpgsql as
$$
begin
    if (select count(*) from replication.bad_row) < 1000 then
        insert into replication.bad_row as b (relation, key, sender, origin, version, found_at, row_text)
        values (set_aside.relation, left(set_aside.key, 300), replication.sender(), set_aside.origin, set_aside.version,
                clock_timestamp(), left(content::text, 4000))
        on conflict on constraint bad_row_pkey do update set found_at = excluded.found_at
        where b.found_at < excluded.found_at - interval '1 minute';
    end if;
end
$$;

-- What breaks a rule that is in force, as one expression; null where there is none.
create function replication.broken(relation text) returns text
    language sql stable as
$$
    select string_agg(format('(%s)', r.broken), ' or ' order by r.relation, r.since)
    from replication.rule r
    where r.relation in ('', broken.relation) and r.since <= (select up_to from replication.rules_in_force)
$$;

-- The beginning of a function that takes rows of a table: one that breaks a rule goes no further.
create function replication.setting_aside(relation text, keys text[]) returns text
    language sql stable as
$$
    select case when known.broken is null then '' else format(
        $sql$if %s then
                perform replication.set_aside(%L, jsonb_build_array(%s)::text, new.origin, new.version, to_jsonb(new));
                return null;
            end if;$sql$, known.broken, relation, replication.list(keys, 'new.')) end
    from replication.broken(setting_aside.relation) as known (broken)
$$;

-- As before, but for rows that are bad.
create or replace function replication.make_merge(relation text, name text, cols text[], keys text[], merges jsonb)
    returns void language plpgsql as
$make$
declare
    set_list text := (select string_agg(format(case when merges ? c then '%1$I = %2$s(t.%1$I, excluded.%1$I)'
                                                    else '%1$I = excluded.%1$I' end, c, merges ->> c), ', ')
                      from unnest(cols) c where c <> all (keys));
begin
    execute format(
        $sql$
        create or replace function replication.%1$I() returns trigger language plpgsql as
        $body$
        begin
            %9$s
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from %2$s where (%3$s) = (%4$s) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into %2$s as t (%5$s) overriding system value values (%6$s)
            on conflict (%3$s) do update set %7$s
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            %8$sreturn null;
        end
        $body$
        $sql$, 'merge_' || name, relation, replication.list(keys), replication.list(keys, 'new.'),
        replication.list(cols), replication.list(cols, 'new.'), set_list,
        replication.merge_of_older(relation, keys, merges), replication.setting_aside(relation, keys));
end
$make$;

create or replace function replication.make_arrival(relation text, name text, cols text[], keys text[]) returns void
    language plpgsql as
$make$
begin
    execute format(
        $sql$
        create or replace function replication.%1$I() returns trigger language plpgsql as
        $body$
        begin
            %8$s
            if (case when new.version %% replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from %2$s where (%3$s) = (%4$s);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.%5$I (%6$s) values (%7$s);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $body$
        $sql$, 'arrive_' || name, relation, replication.list(keys), replication.list(keys, 'new.'), 'outbox_' || name,
        replication.list(cols), replication.list(cols, 'new.'), replication.setting_aside(relation, keys));
end
$make$;

-- Every member knows the rules up to this migration: from now on what breaks them is set aside, and so is what is here.
-- Without triggers: there is no tombstone of such a row, which every node sets aside for itself.
create function replication.enforce_rules(known integer) returns void
    language plpgsql set session_replication_role = replica as
$$
declare
    e replication.enlisted;
    name text;
    taken text[];
begin
    update replication.rules_in_force set up_to = known where up_to < known;
    if not found then
        return;
    end if;
    for e in select * from replication.enlisted t order by t.relation loop
        name := (select substr(relname, length('outbox_') + 1) from pg_class where oid = e.outbox::regclass);
        taken := e.columns || replication.pending_columns(e.relation);
        perform replication.make_merge(e.relation, name, taken, e.key_columns, e.merges);
        perform replication.make_arrival(e.relation, name, taken, e.key_columns);
        execute format(
            'with bad as (delete from %1$s as new where %2$s returning *)
             select replication.set_aside(%1$L, jsonb_build_array(%3$s)::text, origin, version, to_jsonb(bad)) from bad',
            e.relation, replication.broken(e.relation), replication.list(e.key_columns));
    end loop;
end
$$;

-- Every member sends and takes what came with the migrations up to this one, as before; and knows their rules.
create or replace function replication.use_pending(up_to integer) returns text
    language plpgsql as
$$
declare
    guard record;
    used text;
begin
    perform replication.enforce_rules(least(up_to, (select max(since) from replication.rule)));
    for guard in
        select tgname, p.relation from replication.pending p
        join pg_trigger on tgrelid = p.relation::regclass
            and tgname in ('zz_not_yet_insert_' || column_name, 'zz_not_yet_update_' || column_name,
                           case when column_name = '' then 'zz_not_yet' end)
        where is_sent and since <= up_to
    loop
        execute format('drop trigger %I on %s', guard.tgname, guard.relation);
    end loop;
    with gone as (
        delete from replication.pending where is_sent and since <= up_to returning relation, column_name
    )
    select string_agg(relation || case when column_name = '' then '' else '.' || column_name end, ', ') into used from gone;
    return used;
end
$$;

-- What holds for every table: a version up to the year 9999, in microseconds, which may still rise by as much as anybody
-- writes; the number of a node.
insert into replication.rule
values ('', 15, 'new.version not between 0 and 253402300799999999 or new.origin not between 0 and 1073741823');

-- What holds for each: a megabyte a value, times that a calendar has, and what its readers rely on.
insert into replication.rule
select e.relation, 15, concat_ws(' or ', bounds.broken, own.broken)
from replication.enlisted e
left join lateral (
    -- Of the length before compression, which tells where a row is stored.
    select string_agg(format(case atttypid::regtype::text
                                 when 'jsonb' then 'octet_length(new.%I::text) > 1048576'
                                 when 'timestamp with time zone'
                                     then 'new.%I not between ''0001-01-01T00:00:00Z'' and ''9999-12-31T23:59:59Z'''
                                 else 'octet_length(new.%I) > 1048576' end, attname), ' or ' order by attnum) as broken
    from pg_attribute
    where attrelid = e.relation::regclass and attnum > 0 and not attisdropped
      and atttypid = any ('{text,bytea,jsonb,timestamptz}'::regtype[])
) bounds on true
left join (values
    -- 0 is the number of a node that gave up before it was given one.
    ('public.node', $rule$new.id !~ '^[0-9a-f]{32}$' or new.number not between 0 and 1073741823
        or new.port not between 1 and 65535 or new.host !~ '^[A-Za-z0-9._:-]{1,253}$' or length(new.public_address) > 1024
        or new.serial !~ '^[0-9a-fA-F]{0,64}$' or length(new.stage) > 64$rule$),
    -- A node writes these of itself alone.
    ('public.heartbeat', $rule$new.number <> new.origin or new.at not between 0 and 253402300799999999
        or new.beat not between 0 and 9007199254740992 or new.began not between 0 and 9007199254740992
        or length(new.run) > 64 or new.lanes not between 1 and 4 or cardinality(new.lane_beats) > 3
        or jsonb_typeof(new.seen) <> 'object'
        or new.seen @? '$.* ? (@.type() != "number" || @ < 0 || @ > 253402300799999999 || @ != @.floor())'$rule$),
    ('public.lane_beat', $rule$new.number <> new.origin or new.lane not between 1 and 3
        or new.beat not between 0 and 9007199254740992$rule$),
    ('public.node_version', $rule$new.number <> new.origin or length(new.product) > 64
        or new.schema not between 0 and 1000000 or new.sends not between 0 and 1000000
        or new.takes not between 0 and 1000000$rule$),
    ('public.alarm', $rule$new.node <> new.origin or new.id !~ '^[0-9a-f]{32}$'
        or new.episode not between 0 and 9007199254740992$rule$),
    ('public.alarm_mark', $rule$new.episode not between 0 and 9007199254740992
        or octet_length(new.alarm) > 64 or octet_length(new.kind) > 64$rule$),
    ('public.node_view', $rule$new.viewer !~ '^[0-9a-f]{32}$' or jsonb_typeof(new.document) <> 'object'$rule$),
    ('public.node_certificate', $rule$new.node !~ '^[0-9a-f]{32}$' or jsonb_typeof(new.document) <> 'object'$rule$),
    ('public.cluster_key', $rule$length(new.name) > 64 or new.name ~ '[0-9]{9}'$rule$),
    ('public.cluster_property', $rule$octet_length(new.name) > 64$rule$),
    -- Longer ones may not fit into an index.
    ('public.account', $rule$octet_length(new.id) > 200 or octet_length(new.username) > 1024$rule$),
    ('public.key', $rule$octet_length(new.id) > 200 or octet_length(new.name) > 1024 or octet_length(new.version_of) > 200
        or new.material_version not between 0 and 1073741823 or new.epoch not between 0 and 1073741823
        or new.size not between 0 and 1073741823$rule$),
    ('public.syslog', $rule$new.port not between 1 and 65535 or length(new.host) > 255 or octet_length(new.id) > 200$rule$)
) own (relation, broken) on own.relation = e.relation;

-- Does a heartbeat come over the link of another node? Each tells its own: whoever could beat for another would make others
-- believe that they have what that one wrote. Where it is not known whose link it is, it is as ever.
create function replication.is_anothers(number integer) returns boolean
    language plpgsql stable as
$$
begin
    return coalesce(is_anothers.number <> replication.sender(), false);
end
$$;

-- As before, but for another's.
create or replace function replication.hear() returns trigger
    language plpgsql as
$$
declare
    had record;
    waiting replication.promised;
begin
    if pg_trigger_depth() > 1 or not pg_catalog.pg_replication_origin_session_is_setup() then
        return new;
    end if;
    if replication.is_anothers(new.number) then
        perform replication.set_aside('public.heartbeat', jsonb_build_array(new.number)::text, new.origin, new.version, to_jsonb(new));
        return null;
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

create or replace function replication.hear_in_lane() returns trigger
    language plpgsql as
$$
declare
    had record;
begin
    if pg_trigger_depth() > 1 or not pg_catalog.pg_replication_origin_session_is_setup() then
        return new;
    end if;
    if replication.is_anothers(new.number) then
        perform replication.set_aside('public.lane_beat', jsonb_build_array(new.number, new.lane)::text, new.origin, new.version, to_jsonb(new));
        return null;
    end if;
    select b.beat, b.version into had from public.lane_beat b where (b.number, b.lane) = (new.number, new.lane);
    if new.version > coalesce(had.version, 0) and new.beat <> coalesce(had.beat, 0) + 1 then
        perform replication.miss(new.number, coalesce(had.beat, 0), new.beat);
        return null;
    end if;
    return new;
end
$$;

-- The highest number of a node, of those that were given one after the other: a number far above all others is nobody's next
-- one. src/member/numbers.rs says the same.
create function replication.highest_number() returns integer
    language sql stable as
$$
    select coalesce(max(number) filter (where not is_beyond), 0)
    from (select number, bool_or(step > 256) over (order by number) as is_beyond
          from (select n.number, n.number::bigint - lag(n.number, 1, 0) over (order by n.number) as step
                from public.node n) steps) numbers
$$;

-- When a number was last set aside that was higher than all before.
alter table replication.lease add reserved_at timestamptz not null default 'epoch';

-- As before, but for numbers far above all others.
create or replace function peer.grant_lease(lease_holder text, seconds integer)
    returns table (granted boolean, highest_number integer)
    language plpgsql security definer set search_path = pg_catalog, pg_temp as
$$
begin
    if not (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = session_user)
       and not exists (select from public.node where session_user = 'peer_' || id and state = 'ready') then
        raise exception 'only a member may ask this' using errcode = 'insufficient_privilege';
    end if;
    insert into replication.lease as l (holder, owner, until, highest_number)
    values (lease_holder, session_user, clock_timestamp() + make_interval(secs => least(seconds, 60)), 0)
    on conflict (only_one) do update set
        holder = excluded.holder, owner = excluded.owner,
        since = case when l.until < clock_timestamp() then clock_timestamp() else l.since end,
        until = case when l.until < clock_timestamp() then excluded.until
                     else least(excluded.until, l.since + interval '1 minute') end
    where (l.holder = excluded.holder and l.owner = excluded.owner and l.until >= clock_timestamp())
       or l.until < clock_timestamp()
          -- Who had it lets others go first, who look for it several times a second.
          and (l.owner <> excluded.owner
               or l.until + least(l.until - l.since, interval '3 seconds') < clock_timestamp());
    return query
        select l.holder = lease_holder and l.owner = session_user and l.until > clock_timestamp(),
               greatest(l.highest_number, replication.highest_number())
        from replication.lease l;
end
$$;

create or replace function peer.end_lease(lease_holder text) returns void
    language sql security definer set search_path = pg_catalog, pg_temp as
$$
    update replication.lease set until = least(until, clock_timestamp()) where holder = lease_holder and owner = session_user
$$;

-- As before. The highest one rises by no more than 256 a second, or a member could bring it to its end in an hour.
create or replace function peer.reserve_number(lease_holder text, number integer) returns boolean
    language plpgsql security definer set search_path = pg_catalog, pg_temp as
$$
begin
    update replication.lease l
    set highest_number = greatest(l.highest_number, reserve_number.number),
        reserved_at = case when reserve_number.number > l.highest_number then clock_timestamp() else l.reserved_at end
    where l.holder = lease_holder and l.owner = session_user and l.until > clock_timestamp()
      and reserve_number.number - greatest(l.highest_number::bigint, replication.highest_number())
          <= least(256, 256 * date_part('epoch', clock_timestamp() - l.reserved_at));
    return found;
end
$$;

create or replace function peer.record_node(
    lease_holder text, id text, number integer, host text, port integer, public_address text, serial text)
    returns boolean
    language plpgsql security definer set search_path = pg_catalog, pg_temp as
$$
begin
    if record_node.id !~ '^[0-9a-f]{32}$' or record_node.number < 1 or record_node.port not between 1 and 65535
       or record_node.host !~ '^[A-Za-z0-9._:-]{1,253}$' or length(record_node.public_address) > 1024
       or record_node.serial !~ '^[0-9a-fA-F]{0,64}$' then
        raise exception 'this is no node' using errcode = 'invalid_parameter_value';
    end if;
    perform from replication.lease l
    where l.holder = lease_holder and l.owner = session_user and l.until > clock_timestamp()
      and record_node.number <= 256 + greatest(l.highest_number::bigint, replication.highest_number())
    for update;
    if not found then
        return false;
    end if;
    perform set_config('keystead.lane', '', true);
    if not exists (select from public.node n where n.id = record_node.id) then
        insert into public.node (id, number, host, port, public_address, state, stage, serial)
        values (record_node.id, record_node.number, record_node.host, record_node.port, record_node.public_address,
                'joining', 'creating', record_node.serial)
        on conflict on constraint node_pkey do nothing;
    end if;
    return true;
end
$$;

-- As before; what a peer says it has heard is a number that this node can have written.
create or replace function replication.remember(run text, beat bigint, version bigint) returns void
    language plpgsql as
$$
begin
    if remember.beat not between 0 and 9007199254740992 or remember.version not between 0 and 253402300799999999
       or length(remember.run) > 64 then
        raise exception 'no node writes such a heartbeat' using errcode = 'numeric_value_out_of_range';
    end if;
    insert into replication.run as r (run, began, ended) values (remember.run, 0, remember.beat)
    on conflict on constraint run_pkey do update set ended = greatest(r.ended, excluded.ended);
    perform setval('replication.floor', greatest(remember.version, pg_sequence_last_value('replication.floor')));
end
$$;

-- As before, but for what a peer says of another.
create or replace function replication.resynced(peer_number integer, newest jsonb) returns void
    language plpgsql set session_replication_role = replica as
$$
begin
    if newest is not null then
        if (newest ->> 'number')::integer is distinct from peer_number
           or exists (select from jsonb_array_elements(newest -> 'in_lanes') beat
                      where (beat ->> 'number')::integer is distinct from peer_number) then
            raise exception 'no node writes such a heartbeat' using errcode = 'invalid_parameter_value';
        end if;
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

revoke execute on all functions in schema replication from public;
