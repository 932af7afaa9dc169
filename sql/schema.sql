-- The database keystead, made from its migrations by a test; not to be edited.

CREATE SCHEMA live;

COMMENT ON SCHEMA live IS 'enlisted tables without their deleted rows: what readers use';

CREATE SCHEMA peer;

COMMENT ON SCHEMA peer IS 'what other nodes may ask of this one';

CREATE SCHEMA replication;

COMMENT ON SCHEMA replication IS 'how rows travel between nodes';

CREATE TYPE public.key_state AS ENUM (
    'Pre-Active',
    'Active',
    'Deactivated',
    'Compromised',
    'Destroyed',
    'Destroyed Compromised'
);

CREATE TYPE public.node_state AS ENUM (
    'joining',
    'ready',
    'removing',
    'removed'
);

CREATE FUNCTION peer.answer(call_id bigint) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    delete from replication.call where id = call_id and caller = session_user and answer is not null returning answer
$$;

CREATE FUNCTION peer.call(kind text, body jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    call_id bigint;
begin
    if length(kind) > 40 or pg_column_size(body) > 65536 then
        raise exception 'the call is too large' using errcode = 'program_limit_exceeded';
    end if;
    -- An asker waits for 20 seconds; what it left behind is no longer in its way after a minute, and goes soon after that.
    if (select count(*) >= 32 or sum(pg_column_size(c.body)) > 262144 from replication.call c
        where c.caller = session_user and c.asked_at > clock_timestamp() - interval '1 minute') then
        raise exception 'this node has too many calls open' using errcode = 'configuration_limit_exceeded';
    end if;
    insert into replication.call (caller, kind, body, asked_at)
    values (session_user, call.kind, call.body, clock_timestamp())
    returning id into call_id;
    perform replication.notify('keystead_call', call_id::text);
    return call_id;
end
$$;

CREATE FUNCTION peer.caller_number() RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select number from public.node
    where session_user = 'peer_' || id and state in ('joining', 'ready')
$$;

CREATE FUNCTION peer.confirmed_by(number integer) RETURNS pg_lsn
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select confirmed_flush_lsn from pg_catalog.pg_replication_slots
    where slot_name = format('keystead_%s_to_%s', replication.this_node(), number)
$$;

CREATE FUNCTION peer.digest(buckets integer, until bigint, purged_up_to bigint) RETURNS TABLE(relation text, bucket integer, row_count bigint, total text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select * from replication.digest(buckets, until, purged_up_to)
$$;

CREATE FUNCTION peer.end_lane(ended integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    caller integer := peer.caller_number();
begin
    if caller is null then
        raise exception 'only a node of this cluster may ask this' using errcode = 'insufficient_privilege';
    end if;
    if ended is null or ended not between 1 and 3 then
        return false;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('replication.slot_seen', 0));
    perform pg_advisory_xact_lock_shared(hashtextextended('replication.lanes', 0));
    if ended < replication.lanes() then
        return false;
    end if;
    perform replication.let_go(replication.slot_for(caller, ended));
    delete from replication.slot_seen where (number, lane) = (caller, ended);
    return true;
end
$$;

CREATE FUNCTION peer.end_lease(lease_holder text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    update replication.lease set until = least(until, clock_timestamp()) where holder = lease_holder and owner = session_user
$$;

CREATE FUNCTION peer.grant_lease(lease_holder text, seconds integer) RETURNS TABLE(granted boolean, highest_number integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION peer.heard_of_me() RETURNS TABLE(run text, beat bigint, version bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select run, beat, version from replication.heard(peer.caller_number())
$$;

CREATE FUNCTION peer.keep_changes() RETURNS pg_lsn
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION peer.keep_changes_anew() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION peer.keep_lane(lane integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    caller integer := peer.caller_number();
    slot text := replication.slot_for(caller, lane);
begin
    if caller is null then
        raise exception 'only a node of this cluster may ask this' using errcode = 'insufficient_privilege';
    end if;
    if lane is null or lane not between 1 and 3 then
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

CREATE FUNCTION peer.my_lag() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), peer.confirmed_by(peer.caller_number()))::bigint
$$;

CREATE FUNCTION peer.past() RETURNS TABLE(run text, ended bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select run, ended from replication.past() where not exists (select from replication.fence)
$$;

CREATE FUNCTION peer.purged_up_to() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select pg_catalog.pg_sequence_last_value('replication.purge_floor')
$$;

CREATE FUNCTION peer.record_node(lease_holder text, id text, number integer, host text, port integer, public_address text, serial text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;

CREATE FUNCTION peer.reserve_number(lease_holder text, number integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION peer.rows_of_buckets(relation text, buckets integer, wanted integer[]) RETURNS TABLE(key text, version bigint, origin integer, deleted boolean, hash bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET extra_float_digits TO '1'
    SET "DateStyle" TO 'ISO'
    SET "IntervalStyle" TO 'postgres'
    SET "TimeZone" TO 'UTC'
    SET bytea_output TO 'hex'
    AS $_$
declare
    e replication.enlisted := replication.enlisted_table(relation);
begin
    return query execute format(
        'select %s from %s as t where mod(hash_record_extended(row(%s), 0), $1)::integer = any ($2) limit 100001',
        replication.row_columns(e), e.relation, replication.list(e.key_columns))
        using buckets, wanted;
end
$_$;

CREATE FUNCTION peer.rows_of_keys(relation text, keys jsonb) RETURNS TABLE(key text, version bigint, origin integer, deleted boolean, hash bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET extra_float_digits TO '1'
    SET "DateStyle" TO 'ISO'
    SET "IntervalStyle" TO 'postgres'
    SET "TimeZone" TO 'UTC'
    SET bytea_output TO 'hex'
    AS $$
declare
    e replication.enlisted := replication.enlisted_table(relation);
begin
    if jsonb_array_length(keys) > 1000 then
        raise exception 'too many keys' using errcode = 'program_limit_exceeded';
    end if;
    return query execute format('select %s %s', replication.row_columns(e), replication.rows_with_keys(e)) using keys;
end
$$;

CREATE FUNCTION peer.slot_kept() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select case when caller.number is null then null
                when exists (select from generate_series(0, replication.lanes() - 1) lane
                             where not exists (select from replication.kept
                                               where (kept.number, kept.lane) = (caller.number, lane.lane))) then 'missing'
                when exists (select from replication.kept where number = caller.number and wal_status = 'lost') then 'lost'
                when exists (select from replication.slot_seen where number = caller.number and moved) then 'moved'
                else 'kept' end
    from (select peer.caller_number() as number) caller
$$;

CREATE FUNCTION peer.tables() RETURNS TABLE(relation text, columns text[], row_count bigint, bytes bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.alarm_id(kind text, subject text) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select left(encode(sha256(convert_to(format('%s|%s|%s', replication.this_node(), kind, subject), 'UTF8')), 'hex'), 32)
$$;

CREATE TABLE public.key (
    id text NOT NULL,
    name text NOT NULL,
    state public.key_state NOT NULL,
    algorithm text NOT NULL,
    size integer NOT NULL,
    usage_mask integer NOT NULL,
    description text NOT NULL,
    unexportable boolean NOT NULL,
    undeletable boolean NOT NULL,
    fingerprint text NOT NULL,
    material_version integer NOT NULL,
    epoch integer NOT NULL,
    wrapped bytea,
    activation_date timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version_of text,
    version bigint DEFAULT 0 NOT NULL,
    origin integer DEFAULT 0 NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);

CREATE FUNCTION public.change_key(key_id text, new_name text, new_description text, new_usage_mask integer, new_unexportable boolean, new_undeletable boolean, OUT taken boolean, OUT fixed boolean, OUT changed public.key) RETURNS record
    LANGUAGE plpgsql
    AS $$
declare
    old public.key;
    first text;
begin
    select coalesce(version_of, id) into first from live.key where id = key_id;
    if new_name is not null then
        perform pg_advisory_xact_lock(hashtextextended('versions of key ' || first, 0));
        perform pg_advisory_xact_lock(hashtextextended('key ' || new_name, 0));
    end if;
    select * into old from public.key where id = key_id and not deleted for no key update;
    if not found then
        return;
    end if;
    fixed := old.unexportable and not coalesce(new_unexportable, true);
    taken := new_name <> old.name and public.key_is_named(new_name, first);
    if taken or fixed then
        return;
    end if;
    if new_name is not null then
        update public.key set name = new_name, updated_at = now()
        where (id = first or version_of = first) and id <> key_id and name <> new_name and not deleted;
    end if;
    update public.key
    set name = coalesce(new_name, name), description = coalesce(new_description, description),
        usage_mask = coalesce(new_usage_mask, usage_mask), unexportable = coalesce(new_unexportable, unexportable),
        undeletable = coalesce(new_undeletable, undeletable), updated_at = now()
    where id = key_id and not deleted
    returning * into changed;
end
$$;

CREATE TABLE public.account (
    id text NOT NULL,
    username text NOT NULL,
    password_hash text NOT NULL,
    password_change_required boolean NOT NULL,
    password_changed_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    origin integer DEFAULT 0 NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);

CREATE FUNCTION public.create_account(new_account public.account) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    made bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('account ' || new_account.username, 0));
    if exists (select from live.account where username = new_account.username) then
        return null;
    end if;
    insert into public.account values (new_account.*) returning version into made;
    return made;
end
$$;

CREATE FUNCTION public.create_key(new_key public.key) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    made bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('key ' || new_key.name, 0));
    if public.key_is_named(new_key.name) then
        return null;
    end if;
    insert into public.key values (new_key.*) returning version into made;
    return made;
end
$$;

CREATE FUNCTION public.create_version(new_key public.key, after_id text, after_version bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    made bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('versions of key ' || new_key.version_of, 0));
    if not exists (select from live.key where id = after_id and version = after_version)
       or exists (select from public.key where (id = new_key.version_of or version_of = new_key.version_of)
                                               and material_version >= new_key.material_version) then
        return null;
    end if;
    insert into public.key values (new_key.*) returning version into made;
    return made;
end
$$;

CREATE FUNCTION public.drop_material() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    new.wrapped := null;
    return new;
end
$$;

CREATE FUNCTION public.join_key_state(a public.key_state, b public.key_state) RETURNS public.key_state
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select case when least(a, b) = 'Compromised'::public.key_state and greatest(a, b) = 'Destroyed'::public.key_state
                then 'Destroyed Compromised'::public.key_state
                else greatest(a, b) end
$$;

CREATE FUNCTION public.key_is_named(new_name text, but_not text DEFAULT NULL::text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
begin
    return exists (select from live.key where name = new_name and coalesce(version_of, id) is distinct from but_not)
           or octet_length(new_name) > char_length(new_name)
              and exists (select from live.key
                          where name = normalize(new_name, NFD) and coalesce(version_of, id) is distinct from but_not);
end
$$;

CREATE FUNCTION public.newest_version(first text, number integer) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select id from live.key
    where (id = first or version_of = first) and (number is null or material_version = number)
    order by material_version desc, created_at desc, id desc
    limit 1
$$;

CREATE FUNCTION public.tell_account_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform replication.notify('keystead_account');
    return null;
end
$$;

CREATE FUNCTION public.tell_node_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform replication.notify('keystead_node');
    return null;
end
$$;

CREATE FUNCTION replication.add_column(relation regclass, column_name text, type regtype, since integer, default_value text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
declare
    e replication.enlisted;
    box text;
    target regclass := relation;
begin
    select * into strict e from replication.enlisted t where t.relation::regclass = target;
    -- In the order in which what arrives locks them.
    execute format('lock table %s, %s in access exclusive mode', e.outbox, e.relation);
    foreach box in array array[e.outbox, e.relation] loop
        execute format('alter table %s add column %I %s default %L', box, column_name, type, default_value);
    end loop;
    insert into replication.pending values (e.relation, column_name, since);
    perform replication.make_anew(e);
    perform replication.publish();
    execute format('create trigger zz_not_yet_insert_%s before insert on %s for each row
                        when (new.%I is distinct from %L::%s) execute function replication.refuse_not_yet(%L)',
                   column_name, e.relation, column_name, default_value, type, e.relation || '.' || column_name);
    execute format('create trigger zz_not_yet_update_%s before update on %s for each row
                        when (new.%I is distinct from old.%3$I) execute function replication.refuse_not_yet(%L)',
                   column_name, e.relation, column_name, e.relation || '.' || column_name);
end
$_$;

CREATE FUNCTION replication.arrive_account() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (case when new.version % replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from public.account where (id) = (new.id);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.outbox_account (id, username, password_hash, password_change_required, password_changed_at, created_at, updated_at, version, origin, deleted) values (new.id, new.username, new.password_hash, new.password_change_required, new.password_changed_at, new.created_at, new.updated_at, new.version, new.origin, new.deleted);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.arrive_alarm() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (case when new.version % replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from public.alarm where (id) = (new.id);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.outbox_alarm (id, node, source, kind, name, subject, severity, description, raised, episode, triggered_at, told_at, cleared_at, version, origin, deleted) values (new.id, new.node, new.source, new.kind, new.name, new.subject, new.severity, new.description, new.raised, new.episode, new.triggered_at, new.told_at, new.cleared_at, new.version, new.origin, new.deleted);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.arrive_alarm_mark() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (case when new.version % replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from public.alarm_mark where (alarm, episode, kind) = (new.alarm, new.episode, new.kind);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.outbox_alarm_mark (alarm, episode, kind, account, at, version, origin, deleted) values (new.alarm, new.episode, new.kind, new.account, new.at, new.version, new.origin, new.deleted);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.arrive_cluster_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (case when new.version % replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from public.cluster_key where (name) = (new.name);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.outbox_cluster_key (name, public, wrapped, version, origin, deleted) values (new.name, new.public, new.wrapped, new.version, new.origin, new.deleted);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.arrive_cluster_property() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (case when new.version % replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from public.cluster_property where (name) = (new.name);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.outbox_cluster_property (name, value, version, origin, deleted) values (new.name, new.value, new.version, new.origin, new.deleted);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.arrive_heartbeat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (case when new.version % replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from public.heartbeat where (number) = (new.number);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.outbox_heartbeat (number, at, seen, beat, run, began, lanes, lane_beats, version, origin, deleted) values (new.number, new.at, new.seen, new.beat, new.run, new.began, new.lanes, new.lane_beats, new.version, new.origin, new.deleted);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.arrive_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            
            if (case when new.version % replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from public.key where (id) = (new.id);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.outbox_key (id, name, state, algorithm, size, usage_mask, description, unexportable, undeletable, fingerprint, material_version, epoch, wrapped, activation_date, created_at, updated_at, version_of, version, origin, deleted) values (new.id, new.name, new.state, new.algorithm, new.size, new.usage_mask, new.description, new.unexportable, new.undeletable, new.fingerprint, new.material_version, new.epoch, new.wrapped, new.activation_date, new.created_at, new.updated_at, new.version_of, new.version, new.origin, new.deleted);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.arrive_lane_beat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (case when new.version % replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from public.lane_beat where (number, lane) = (new.number, new.lane);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.outbox_lane_beat (number, lane, beat, version, origin, deleted) values (new.number, new.lane, new.beat, new.version, new.origin, new.deleted);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.arrive_node() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (case when new.version % replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from public.node where (id) = (new.id);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.outbox_node (id, number, host, port, public_address, state, stage, serial, joined_at, version, origin, deleted) values (new.id, new.number, new.host, new.port, new.public_address, new.state, new.stage, new.serial, new.joined_at, new.version, new.origin, new.deleted);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.arrive_node_certificate() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (case when new.version % replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from public.node_certificate where (node) = (new.node);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.outbox_node_certificate (node, document, version, origin, deleted) values (new.node, new.document, new.version, new.origin, new.deleted);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.arrive_node_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (case when new.version % replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from public.node_version where (number) = (new.number);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.outbox_node_version (number, product, schema, sends, takes, version, origin, deleted) values (new.number, new.product, new.schema, new.sends, new.takes, new.version, new.origin, new.deleted);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.arrive_node_view() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (case when new.version % replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from public.node_view where (viewer) = (new.viewer);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.outbox_node_view (viewer, document, version, origin, deleted) values (new.viewer, new.document, new.version, new.origin, new.deleted);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.arrive_syslog() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (case when new.version % replication.judged_one_in() <> 0 then current_setting('keystead.look', true)
                     else replication.look_from_now_on(new.version) end) = 'no'
               and new.version > pg_sequence_last_value('replication.purge_floor') then
                return new;
            end if;
            -- Only for what a subscription brings: not for a row that is merged, and not for a first copy. As a condition of
            -- the trigger it would be read and planned anew for every row.
            if pg_trigger_depth() > 1 or not pg_replication_origin_session_is_setup() then
                return new;
            end if;
            perform from public.syslog where (id) = (new.id);
            -- Between lanes, what changes it may be arriving at this moment too.
            if found or replication.lanes() > 1 then
                perform set_config('keystead.look', '', false);
                insert into replication.outbox_syslog (id, host, port, transport, format, ca_cert, created_at, updated_at, version, origin, deleted) values (new.id, new.host, new.port, new.transport, new.format, new.ca_cert, new.created_at, new.updated_at, new.version, new.origin, new.deleted);
                return null;
            end if;
            -- Read after looking, as a purge raises it before it takes anything: a row this old was purged here.
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                return null;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.barrier_time() RETURNS bigint
    LANGUAGE sql
    AS $$
    select greatest((date_part('epoch', clock_timestamp()) * 1000000)::bigint,
                    pg_sequence_last_value('replication.floor') + 1)
$$;

CREATE FUNCTION replication.beat(number integer, at bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION replication.beat_in_lane(beating_lane integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    lock table public.lane_beat in row exclusive mode;
    if beating_lane < replication.lanes() then
        perform set_config('keystead.lane', beating_lane::text, true);
        insert into public.lane_beat as b (number, lane, beat) values (replication.this_node(), beating_lane, 1)
        on conflict (number, lane) do update set beat = b.beat + 1;
    end if;
end
$$;

CREATE FUNCTION replication.become_node(number integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    execute format(
        'create or replace function replication.this_node() returns integer
             language sql immutable parallel safe as ''select %s''', number);
    perform replication.publish();
    perform replication.spread_sequences();
end
$$;

CREATE FUNCTION replication.begin_heartbeat(OUT at bigint, OUT xid bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
begin
    perform pg_advisory_xact_lock(hashtextextended('replication.floor', 0));
    at := setval('replication.floor', greatest((date_part('epoch', clock_timestamp()) * 1000000)::bigint,
                                               pg_sequence_last_value('replication.floor') + 1));
    xid := pg_current_xact_id()::text::bigint;
end
$$;

CREATE FUNCTION replication.broken(relation text) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select string_agg(format('(%s)', r.broken), ' or ' order by r.relation, r.since)
    from replication.rule r
    where r.relation in ('', broken.relation) and r.since <= (select up_to from replication.rules_in_force)
$$;

CREATE FUNCTION replication.bury_account() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            update public.account set deleted = true where (id) = (old.id) and not deleted;
            return null;
        end
        $$;

CREATE FUNCTION replication.bury_alarm() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            update public.alarm set deleted = true where (id) = (old.id) and not deleted;
            return null;
        end
        $$;

CREATE FUNCTION replication.bury_alarm_mark() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            update public.alarm_mark set deleted = true where (alarm, episode, kind) = (old.alarm, old.episode, old.kind) and not deleted;
            return null;
        end
        $$;

CREATE FUNCTION replication.bury_cluster_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            update public.cluster_key set deleted = true where (name) = (old.name) and not deleted;
            return null;
        end
        $$;

CREATE FUNCTION replication.bury_cluster_property() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            update public.cluster_property set deleted = true where (name) = (old.name) and not deleted;
            return null;
        end
        $$;

CREATE FUNCTION replication.bury_heartbeat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            update public.heartbeat set deleted = true where (number) = (old.number) and not deleted;
            return null;
        end
        $$;

CREATE FUNCTION replication.bury_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            update public.key set deleted = true where (id) = (old.id) and not deleted;
            return null;
        end
        $$;

CREATE FUNCTION replication.bury_lane_beat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            update public.lane_beat set deleted = true where (number, lane) = (old.number, old.lane) and not deleted;
            return null;
        end
        $$;

CREATE FUNCTION replication.bury_node() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            update public.node set deleted = true where (id) = (old.id) and not deleted;
            return null;
        end
        $$;

CREATE FUNCTION replication.bury_node_certificate() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            update public.node_certificate set deleted = true where (node) = (old.node) and not deleted;
            return null;
        end
        $$;

CREATE FUNCTION replication.bury_node_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            update public.node_version set deleted = true where (number) = (old.number) and not deleted;
            return null;
        end
        $$;

CREATE FUNCTION replication.bury_node_view() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            update public.node_view set deleted = true where (viewer) = (old.viewer) and not deleted;
            return null;
        end
        $$;

CREATE FUNCTION replication.bury_syslog() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            update public.syslog set deleted = true where (id) = (old.id) and not deleted;
            return null;
        end
        $$;

CREATE FUNCTION replication.capture_account() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            insert into replication.outbox_account (id, username, password_hash, password_change_required, password_changed_at, created_at, updated_at, version, origin, deleted) select id, username, password_hash, password_change_required, password_changed_at, created_at, updated_at, version, origin, deleted from changed order by id;
            return null;
        end
        $$;

CREATE FUNCTION replication.capture_alarm() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            insert into replication.outbox_alarm (id, node, source, kind, name, subject, severity, description, raised, episode, triggered_at, told_at, cleared_at, version, origin, deleted) select id, node, source, kind, name, subject, severity, description, raised, episode, triggered_at, told_at, cleared_at, version, origin, deleted from changed order by id;
            return null;
        end
        $$;

CREATE FUNCTION replication.capture_alarm_mark() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            insert into replication.outbox_alarm_mark (alarm, episode, kind, account, at, version, origin, deleted) select alarm, episode, kind, account, at, version, origin, deleted from changed order by alarm, episode, kind;
            return null;
        end
        $$;

CREATE FUNCTION replication.capture_cluster_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            insert into replication.outbox_cluster_key (name, public, wrapped, version, origin, deleted) select name, public, wrapped, version, origin, deleted from changed order by name;
            return null;
        end
        $$;

CREATE FUNCTION replication.capture_cluster_property() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            insert into replication.outbox_cluster_property (name, value, version, origin, deleted) select name, value, version, origin, deleted from changed order by name;
            return null;
        end
        $$;

CREATE FUNCTION replication.capture_heartbeat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            insert into replication.outbox_heartbeat (number, at, seen, beat, run, began, lanes, lane_beats, version, origin, deleted) select number, at, seen, beat, run, began, lanes, lane_beats, version, origin, deleted from changed order by number;
            return null;
        end
        $$;

CREATE FUNCTION replication.capture_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            insert into replication.outbox_key (id, name, state, algorithm, size, usage_mask, description, unexportable, undeletable, fingerprint, material_version, epoch, wrapped, activation_date, created_at, updated_at, version_of, version, origin, deleted) select id, name, state, algorithm, size, usage_mask, description, unexportable, undeletable, fingerprint, material_version, epoch, wrapped, activation_date, created_at, updated_at, version_of, version, origin, deleted from changed order by id;
            return null;
        end
        $$;

CREATE FUNCTION replication.capture_lane_beat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            insert into replication.outbox_lane_beat (number, lane, beat, version, origin, deleted) select number, lane, beat, version, origin, deleted from changed order by number, lane;
            return null;
        end
        $$;

CREATE FUNCTION replication.capture_node() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            insert into replication.outbox_node (id, number, host, port, public_address, state, stage, serial, joined_at, version, origin, deleted) select id, number, host, port, public_address, state, stage, serial, joined_at, version, origin, deleted from changed order by id;
            return null;
        end
        $$;

CREATE FUNCTION replication.capture_node_certificate() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            insert into replication.outbox_node_certificate (node, document, version, origin, deleted) select node, document, version, origin, deleted from changed order by node;
            return null;
        end
        $$;

CREATE FUNCTION replication.capture_node_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            insert into replication.outbox_node_version (number, product, schema, sends, takes, version, origin, deleted) select number, product, schema, sends, takes, version, origin, deleted from changed order by number;
            return null;
        end
        $$;

CREATE FUNCTION replication.capture_node_view() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            insert into replication.outbox_node_view (viewer, document, version, origin, deleted) select viewer, document, version, origin, deleted from changed order by viewer;
            return null;
        end
        $$;

CREATE FUNCTION replication.capture_syslog() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            insert into replication.outbox_syslog (id, host, port, transport, format, ca_cert, created_at, updated_at, version, origin, deleted) select id, host, port, transport, format, ca_cert, created_at, updated_at, version, origin, deleted from changed order by id;
            return null;
        end
        $$;

CREATE FUNCTION replication.carried(lane integer) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $$
begin
    return case when lane >= replication.lanes() then 'false'
                when replication.lanes() > 1 then format('mod(version, %s) = %s', replication.lanes(), lane) end;
end
$$;

CREATE FUNCTION replication.check_enlistable(relation regclass) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    bad text;
begin
    if exists (select from pg_class where oid = relation and (relkind <> 'r' or relpersistence <> 'p' or relispartition))
       or exists (select from pg_inherits where relation in (inhrelid, inhparent)) then
        raise exception '% cannot be enlisted: it is not an ordinary table', relation
            using hint = 'partitions, inheritance, unlogged and foreign tables and views cannot be enlisted';
    end if;
    if exists (select from pg_index where indrelid = relation and indisprimary and not indimmediate) then
        raise exception '% cannot be enlisted: its primary key is deferrable', relation
            using hint = 'make the primary key not deferrable';
    end if;
    if not exists (select from pg_index where indrelid = relation and indisprimary) then
        raise exception '% cannot be enlisted: it has no primary key', relation using hint = 'add one';
    end if;
    select string_agg(conname, ', ') into bad
    from pg_constraint where conrelid = relation and contype in ('u', 'f', 'c', 'x');
    if bad is not null then
        raise exception '% cannot be enlisted: merging could fail on %', relation, bad
            using hint = 'only a primary key is allowed; check the rest when the row is written';
    end if;
    if exists (select from pg_index where indrelid = relation and indisunique and not indisprimary) then
        raise exception '% cannot be enlisted: merging could fail on a unique index', relation
            using hint = 'make the index not unique; a clash is shown and kept instead';
    end if;
end
$$;

CREATE FUNCTION replication.continue_from(purged_up_to bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    perform replication.purge(purged_up_to, 0);
    perform replication.spread_sequences();
end
$$;

CREATE FUNCTION replication.digest(buckets integer, until bigint DEFAULT '9223372036854775807'::bigint, purged_up_to bigint DEFAULT 0) RETURNS TABLE(relation text, bucket integer, row_count bigint, total text)
    LANGUAGE plpgsql
    SET extra_float_digits TO '1'
    SET "DateStyle" TO 'ISO'
    SET "IntervalStyle" TO 'postgres'
    SET "TimeZone" TO 'UTC'
    SET bytea_output TO 'hex'
    AS $$
declare
    t replication.enlisted;
begin
    for t in select * from replication.enlisted e where e.digested order by e.relation loop
        return query execute format(
            'select %L::text, mod(hash_record_extended(row(%s), 0), %s)::integer, count(*),
                    sum(hash_record_extended(row(%s), 0))::text
             from %s as t where version <= %s and not (deleted and version <= %s) group by 2',
            t.relation, replication.list(t.key_columns, 't.'), buckets, replication.hashed_columns(t), t.relation, until, purged_up_to);
    end loop;
end
$$;

CREATE FUNCTION replication.empty_outboxes(larger_than bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    box text;
    freed bigint := 0;
    bytes bigint;
begin
    perform set_config('lock_timeout', '50ms', true);
    for box in select outbox from replication.enlisted loop
        bytes := pg_total_relation_size(box::regclass);
        if pg_relation_size(box::regclass) > larger_than then
            begin
                execute 'truncate ' || box;
                freed := freed + bytes;
            exception when lock_not_available then
                null;
            end;
        end if;
    end loop;
    return freed;
end
$$;

CREATE FUNCTION replication.end_run() RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    perform from replication.run where ended is null for update;
    update replication.run
    set ended = coalesce((select beat from public.heartbeat where number = replication.this_node()), 0)
    where ended is null;
end
$$;

CREATE FUNCTION replication.enforce_rules(known integer) RETURNS void
    LANGUAGE plpgsql
    SET session_replication_role TO 'replica'
    AS $_$
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
$_$;

CREATE FUNCTION replication.enlist(relation regclass, merges jsonb DEFAULT '{}'::jsonb, digested boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    -- Qualified, whatever the search_path: the functions made here run where there is none.
    target text;
    name text;
    cols text[];
    keys text[];
begin
    perform replication.check_enlistable(relation);
    select format('%I.%I', nspname, relname), case when nspname = 'public' then '' else nspname || '_' end || relname
    into target, name
    from pg_class join pg_namespace n on n.oid = relnamespace where pg_class.oid = relation;
    execute format('alter table %s add version bigint not null default 0, add origin integer not null default 0,
                        add deleted boolean not null default false', target);
    select array_agg(attname order by attnum) into cols from pg_attribute
    where attrelid = relation and attnum > 0 and not attisdropped and attgenerated = '';
    select array_agg(attname order by array_position(indkey::smallint[], attnum)) into keys
    from pg_index join pg_attribute on attrelid = indrelid and attnum = any (indkey)
    where indrelid = relation and indisprimary;

    execute format('create table replication.%I with (autovacuum_enabled = false) as select %s from %s with no data',
                   'outbox_' || name, replication.list(cols), target);
    perform replication.make_merge(target, name, cols, keys, merges);
    perform replication.make_stamps(target, name, cols, keys, merges);
    perform replication.make_arrival(target, name, cols, keys);
    perform replication.make_capture(name, cols, keys);
    perform replication.make_triggers(target, name);
    execute format('create view live.%I as select %s from %s where not deleted', name,
                   (select replication.list(array_agg(attname order by attnum)) from pg_attribute
                    where attrelid = relation and attnum > 0 and not attisdropped and attname <> 'deleted'), target);
    insert into replication.enlisted values (target, format('replication.%I', 'outbox_' || name), cols, keys, digested, merges);
    perform replication.publish();
    perform replication.spread_sequences();
end
$$;

CREATE FUNCTION replication.enlist_later(relation regclass, since integer, merges jsonb DEFAULT '{}'::jsonb, digested boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql
    AS $_$
declare
    e replication.enlisted;
    target regclass := relation;
begin
    perform replication.enlist(relation, merges, digested);
    select * into strict e from replication.enlisted t where t.relation::regclass = target;
    insert into replication.pending values (e.relation, '', since);
    perform replication.publish();
    execute format('create trigger zz_not_yet before insert or update or delete on %s
                        for each statement execute function replication.refuse_not_yet(%1$L)', e.relation);
end
$_$;

CREATE TABLE replication.enlisted (
    relation text NOT NULL,
    outbox text NOT NULL,
    columns text[] NOT NULL,
    key_columns text[] NOT NULL,
    digested boolean NOT NULL,
    merges jsonb NOT NULL
);

CREATE FUNCTION replication.enlisted_table(name text) RETURNS replication.enlisted
    LANGUAGE plpgsql STABLE
    AS $$
declare
    t replication.enlisted;
begin
    select * into t from replication.enlisted e where e.relation = name;
    if not found then
        raise exception '% is not enlisted', name using errcode = 'undefined_table';
    end if;
    return t;
end
$$;

CREATE FUNCTION replication.grant_enlisted(e replication.enlisted) RETURNS void
    LANGUAGE plpgsql
    AS $_$
begin
    execute format('grant select, insert on %s, %s to keystead_apply; grant update (%s) on %1$s to keystead_apply;
                    grant select on %1$s to keystead_peer',
                   e.relation, e.outbox,
                   (select replication.list(array_agg(attname order by attnum)) from pg_attribute
                    where attrelid = e.relation::regclass and attnum > 0 and not attisdropped and attgenerated = ''));
end
$_$;

CREATE FUNCTION replication.grant_what_is_new() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform replication.grant_enlisted(e) from replication.enlisted e where e.relation = new.relation;
    return null;
end
$$;

CREATE FUNCTION replication.hand_over(subscription text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    if pg_catalog.current_setting('server_version_num')::integer >= 160000 then
        execute format('alter subscription %I set (password_required = false, run_as_owner = true)', subscription);
        execute format('alter subscription %I owner to keystead_apply', subscription);
    else
        perform from pg_catalog.pg_authid where rolname = 'keystead_apply' for update;
        alter role keystead_apply superuser;
        execute format('alter subscription %I owner to keystead_apply', subscription);
        alter role keystead_apply nosuperuser;
    end if;
end
$$;

CREATE FUNCTION replication.has_come(of_node integer, beats bigint[]) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    select not exists (
        select from unnest(beats) with ordinality as named (beat, lane)
        where named.beat > coalesce((select b.beat from public.lane_beat b
                                     where b.number = of_node and b.lane = named.lane), 0))
$$;

CREATE FUNCTION replication.hashed_columns(t replication.enlisted) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select string_agg(format(case when atttypid = any ('{text,varchar,bytea,uuid,boolean,smallint,integer,bigint,date,timestamp,
                                                         timestamptz}'::regtype[])
                                  then 't.%I' else 't.%I::text' end, attname), ', ' order by attnum)
    from pg_attribute where attrelid = t.relation::regclass and attname = any (t.columns)
$$;

CREATE FUNCTION replication.hear() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION replication.hear_in_lane() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION replication.hear_promised() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION replication.heard(of_node integer) RETURNS TABLE(run text, beat bigint, version bigint)
    LANGUAGE sql STABLE
    AS $$
    select run, beat, version from public.heartbeat where number = of_node
    union all
    select run, beat, version from replication.promised where number = of_node
    order by version desc limit 1
$$;

CREATE FUNCTION replication.highest_number() RETURNS integer
    LANGUAGE sql STABLE
    AS $$
    select coalesce(max(number) filter (where not is_beyond), 0)
    from (select number, bool_or(step > 256) over (order by number) as is_beyond
          from (select n.number, n.number::bigint - lag(n.number, 1, 0) over (order by n.number) as step
                from public.node n) steps) numbers
$$;

CREATE FUNCTION replication.in_lane(version bigint) RETURNS bigint
    LANGUAGE sql
    AS $_$select $1$_$;

CREATE FUNCTION replication.is_anothers(number integer) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
begin
    return coalesce(is_anothers.number <> replication.sender(), false);
end
$$;

CREATE FUNCTION replication.judged_one_in() RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$select 8192::bigint$$;

CREATE FUNCTION replication.keep_lanes(reader integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    -- Not while the number of lanes changes.
    perform pg_advisory_xact_lock_shared(hashtextextended('replication.lanes', 0));
    perform pg_create_logical_replication_slot(slot, 'pgoutput')
    from generate_series(1, greatest(replication.lanes(), replication.wanted_lanes()) - 1) lane,
         replication.slot_for(reader, lane) slot
    where not exists (select from pg_replication_slots where slot_name = slot);
end
$$;

CREATE FUNCTION replication.lane() RETURNS bigint
    LANGUAGE sql STABLE
    AS $$
            select coalesce(nullif(current_setting('keystead.lane', true), '')::bigint,
                            case when current_setting('synchronous_commit') in ('local', 'off')
                                 then mod(txid_current(), 1) else 0 end)
        $$;

CREATE FUNCTION replication.lane_beats(of_node integer) RETURNS bigint[]
    LANGUAGE sql STABLE
    AS $$
    select coalesce(array_agg(coalesce(b.beat, 0) order by lane.lane), '{}')
    from generate_series(1, (select max(m.lane) from public.lane_beat m where m.number = of_node)) lane
    left join public.lane_beat b on b.number = of_node and b.lane = lane.lane
$$;

CREATE FUNCTION replication.lanes() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$select 1$$;

CREATE FUNCTION replication.let_go(slot text) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION replication.limit_role(role text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    execute format('alter role %I connection limit %s', role,
                   case when pg_has_role(role, 'keystead_peer', 'member') then 16 else 2 end);
    execute format('alter role %I set temp_file_limit = %L', role, '256MB');
    -- What a peer gets wrong is told to it. In the log it could be anything, and as long as it likes.
    execute format('alter role %I set log_min_messages = fatal', role);
    execute format('alter role %I set log_min_error_statement = panic', role);
end
$$;

CREATE FUNCTION replication.list(columns text[], prefix text DEFAULT ''::text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    select string_agg(prefix || quote_ident(c), ', ' order by n) from unnest(columns) with ordinality as u (c, n)
$$;

CREATE FUNCTION replication.lock_promised(of_node integer) RETURNS void
    LANGUAGE sql
    AS $$
    select pg_advisory_xact_lock(hashtextextended('replication.promised', of_node))
$$;

CREATE FUNCTION replication.look_from_now_on(version bigint) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare
    since constant text := coalesce(current_setting('keystead.look', true), '');
    this constant text := pg_current_xact_id();
    at constant bigint := date_part('epoch', clock_timestamp()) * 1000000;
begin
    if at - version < 1000000 or replication.lanes() > 1 then
        return set_config('keystead.look', '', false);
    elsif since = 'no' then
        return since;
    elsif since in ('', this) then
        return set_config('keystead.look', this, false);
    elsif abs(at - coalesce(pg_sequence_last_value('replication.unlooked'), 0)) < 5000000 then
        return since;
    end if;
    perform setval('replication.unlooked', at);
    return set_config('keystead.look', 'no', false);
end
$$;

CREATE FUNCTION replication.make_anew(e replication.enlisted) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    name text := (select substr(relname, length('outbox_') + 1) from pg_class where oid = e.outbox::regclass);
    taken text[] := e.columns || replication.pending_columns(e.relation);
begin
    perform replication.make_merge(e.relation, name, taken, e.key_columns, e.merges);
    perform replication.make_stamps(e.relation, name, taken, e.key_columns, e.merges);
    perform replication.make_arrival(e.relation, name, taken, e.key_columns);
    perform replication.make_capture(name, e.columns, e.key_columns);
    execute format('create or replace view live.%I as select %s from %s where not deleted', name,
                   (select replication.list(array_agg(attname order by attnum)) from pg_attribute
                    where attrelid = e.relation::regclass and attnum > 0 and not attisdropped and attname <> 'deleted'),
                   e.relation);
end
$$;

CREATE FUNCTION replication.make_arrival(relation text, name text, cols text[], keys text[]) RETURNS void
    LANGUAGE plpgsql
    AS $_$
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
$_$;

CREATE FUNCTION replication.make_capture(name text, cols text[], keys text[]) RETURNS void
    LANGUAGE plpgsql
    AS $_$
begin
    execute format(
        $sql$
        create or replace function replication.%I() returns trigger language plpgsql as
        $body$
        begin
            insert into replication.%I (%s) select %3$s from changed order by %4$s;
            return null;
        end
        $body$
        $sql$, 'capture_' || name, 'outbox_' || name, replication.list(cols), replication.list(keys));
end
$_$;

CREATE FUNCTION replication.make_merge(relation text, name text, cols text[], keys text[], merges jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $_$
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
$_$;

CREATE FUNCTION replication.make_stamps(relation text, name text, cols text[], keys text[], merges jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $_$
declare
    rising text := (select string_agg(format('new.%1$I := %2$s(old.%1$I, new.%1$I);', key, value), ' ')
                    from jsonb_each_text(merges));
begin
    execute format(
        $sql$
        create or replace function replication.%I() returns trigger language plpgsql as
        $body$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            %sreturn new;
        end
        $body$
        $sql$, 'stamp_insert_' || name, replication.stamp_of_revived(relation, name, keys, merges));
    execute format(
        $sql$
        create or replace function replication.%1$I() returns trigger language plpgsql as
        $body$
        begin
            if (%2$s) is distinct from (%3$s) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into %4$s (%5$s) overriding system value values (%2$s, %6$s);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            %7$s
            return new;
        end
        $body$
        $sql$, 'stamp_update_' || name, replication.list(keys, 'new.'), replication.list(keys, 'old.'), relation,
        replication.list(keys || replication.without(cols, keys)),
        replication.list(replication.without(cols, keys), 'new.'), coalesce(rising, ''));
    execute format(
        $sql$
        create or replace function replication.%I() returns trigger language plpgsql as
        $body$
        begin
            update %s set deleted = true where (%s) = (%s) and not deleted;
            return null;
        end
        $body$
        $sql$, 'bury_' || name, relation, replication.list(keys), replication.list(keys, 'old.'));
end
$_$;

CREATE FUNCTION replication.make_triggers(relation text, name text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    -- Named to fire after a writer's own triggers, so that what they changed is stamped too.
    execute format('create trigger zz_stamp_insert before insert on %s
                        for each row execute function replication.%I()', relation, 'stamp_insert_' || name);
    execute format('create trigger zz_stamp_update before update on %s
                        for each row execute function replication.%I()', relation, 'stamp_update_' || name);
    execute format('create trigger zz_bury before delete on %s
                        for each row execute function replication.%I()', relation, 'bury_' || name);
    execute format('create trigger zz_capture after update on %s referencing new table as changed
                        for each statement execute function replication.%I()', relation, 'capture_' || name);
    execute format('create trigger zz_refuse_truncate before truncate on %s
                        for each statement execute function replication.refuse_truncate()', relation);
    execute format('create trigger merge before insert on replication.%I
                        for each row execute function replication.%I()', 'outbox_' || name, 'merge_' || name);
    execute format('alter table replication.%I enable replica trigger merge', 'outbox_' || name);
    execute format('create trigger merge before insert on %s
                        for each row execute function replication.%I()', relation, 'arrive_' || name);
    execute format('alter table %s enable replica trigger merge', relation);
end
$$;

CREATE FUNCTION replication.members_without(up_to bigint) RETURNS text
    LANGUAGE sql STABLE
    AS $_$
    select string_agg(format('%s (%s:%s)', n.id, n.host, n.port), ', ' order by n.number)
    from live.node n left join live.heartbeat h on h.number = n.number
    where n.state = 'ready' and n.number <> replication.this_node()
      and coalesce(case when (h.seen ->> replication.this_node()::text) ~ '^[0-9]{1,18}$'
                        then (h.seen ->> replication.this_node()::text)::bigint end, 0) < up_to
$_$;

CREATE FUNCTION replication.merge_account() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from public.account where (id) = (new.id) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into public.account as t (id, username, password_hash, password_change_required, password_changed_at, created_at, updated_at, version, origin, deleted) overriding system value values (new.id, new.username, new.password_hash, new.password_change_required, new.password_changed_at, new.created_at, new.updated_at, new.version, new.origin, new.deleted)
            on conflict (id) do update set username = excluded.username, password_hash = excluded.password_hash, password_change_required = excluded.password_change_required, password_changed_at = excluded.password_changed_at, created_at = excluded.created_at, updated_at = excluded.updated_at, version = excluded.version, origin = excluded.origin, deleted = excluded.deleted
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            return null;
        end
        $$;

CREATE FUNCTION replication.merge_alarm() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from public.alarm where (id) = (new.id) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into public.alarm as t (id, node, source, kind, name, subject, severity, description, raised, episode, triggered_at, told_at, cleared_at, version, origin, deleted) overriding system value values (new.id, new.node, new.source, new.kind, new.name, new.subject, new.severity, new.description, new.raised, new.episode, new.triggered_at, new.told_at, new.cleared_at, new.version, new.origin, new.deleted)
            on conflict (id) do update set node = excluded.node, source = excluded.source, kind = excluded.kind, name = excluded.name, subject = excluded.subject, severity = excluded.severity, description = excluded.description, raised = excluded.raised, episode = excluded.episode, triggered_at = excluded.triggered_at, told_at = excluded.told_at, cleared_at = excluded.cleared_at, version = excluded.version, origin = excluded.origin, deleted = excluded.deleted
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            return null;
        end
        $$;

CREATE FUNCTION replication.merge_alarm_mark() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from public.alarm_mark where (alarm, episode, kind) = (new.alarm, new.episode, new.kind) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into public.alarm_mark as t (alarm, episode, kind, account, at, version, origin, deleted) overriding system value values (new.alarm, new.episode, new.kind, new.account, new.at, new.version, new.origin, new.deleted)
            on conflict (alarm, episode, kind) do update set account = excluded.account, at = excluded.at, version = excluded.version, origin = excluded.origin, deleted = excluded.deleted
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            return null;
        end
        $$;

CREATE FUNCTION replication.merge_cluster_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from public.cluster_key where (name) = (new.name) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into public.cluster_key as t (name, public, wrapped, version, origin, deleted) overriding system value values (new.name, new.public, new.wrapped, new.version, new.origin, new.deleted)
            on conflict (name) do update set public = excluded.public, wrapped = excluded.wrapped, version = excluded.version, origin = excluded.origin, deleted = excluded.deleted
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            return null;
        end
        $$;

CREATE FUNCTION replication.merge_cluster_property() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from public.cluster_property where (name) = (new.name) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into public.cluster_property as t (name, value, version, origin, deleted) overriding system value values (new.name, new.value, new.version, new.origin, new.deleted)
            on conflict (name) do update set value = excluded.value, version = excluded.version, origin = excluded.origin, deleted = excluded.deleted
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            return null;
        end
        $$;

CREATE FUNCTION replication.merge_heartbeat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from public.heartbeat where (number) = (new.number) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into public.heartbeat as t (number, at, seen, beat, run, began, lanes, lane_beats, version, origin, deleted) overriding system value values (new.number, new.at, new.seen, new.beat, new.run, new.began, new.lanes, new.lane_beats, new.version, new.origin, new.deleted)
            on conflict (number) do update set at = excluded.at, seen = excluded.seen, beat = excluded.beat, run = excluded.run, began = excluded.began, lanes = excluded.lanes, lane_beats = excluded.lane_beats, version = excluded.version, origin = excluded.origin, deleted = excluded.deleted
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            return null;
        end
        $$;

CREATE FUNCTION replication.merge_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from public.key where (id) = (new.id) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into public.key as t (id, name, state, algorithm, size, usage_mask, description, unexportable, undeletable, fingerprint, material_version, epoch, wrapped, activation_date, created_at, updated_at, version_of, version, origin, deleted) overriding system value values (new.id, new.name, new.state, new.algorithm, new.size, new.usage_mask, new.description, new.unexportable, new.undeletable, new.fingerprint, new.material_version, new.epoch, new.wrapped, new.activation_date, new.created_at, new.updated_at, new.version_of, new.version, new.origin, new.deleted)
            on conflict (id) do update set name = excluded.name, state = public.join_key_state(t.state, excluded.state), algorithm = excluded.algorithm, size = excluded.size, usage_mask = excluded.usage_mask, description = excluded.description, unexportable = greatest(t.unexportable, excluded.unexportable), undeletable = excluded.undeletable, fingerprint = excluded.fingerprint, material_version = excluded.material_version, epoch = excluded.epoch, wrapped = excluded.wrapped, activation_date = excluded.activation_date, created_at = excluded.created_at, updated_at = excluded.updated_at, version_of = excluded.version_of, version = excluded.version, origin = excluded.origin, deleted = greatest(t.deleted, excluded.deleted)
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            if not found then
                update public.key as t set state = public.join_key_state(t.state, new.state), deleted = greatest(t.deleted, new.deleted), unexportable = greatest(t.unexportable, new.unexportable) where (t.id) = (new.id) and (public.join_key_state(t.state, new.state) is distinct from t.state or greatest(t.deleted, new.deleted) is distinct from t.deleted or greatest(t.unexportable, new.unexportable) is distinct from t.unexportable);
            end if;
            return null;
        end
        $$;

CREATE FUNCTION replication.merge_lane_beat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from public.lane_beat where (number, lane) = (new.number, new.lane) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into public.lane_beat as t (number, lane, beat, version, origin, deleted) overriding system value values (new.number, new.lane, new.beat, new.version, new.origin, new.deleted)
            on conflict (number, lane) do update set beat = excluded.beat, version = excluded.version, origin = excluded.origin, deleted = excluded.deleted
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            return null;
        end
        $$;

CREATE FUNCTION replication.merge_node() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from public.node where (id) = (new.id) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into public.node as t (id, number, host, port, public_address, state, stage, serial, joined_at, version, origin, deleted) overriding system value values (new.id, new.number, new.host, new.port, new.public_address, new.state, new.stage, new.serial, new.joined_at, new.version, new.origin, new.deleted)
            on conflict (id) do update set number = excluded.number, host = excluded.host, port = excluded.port, public_address = excluded.public_address, state = greatest(t.state, excluded.state), stage = excluded.stage, serial = excluded.serial, joined_at = excluded.joined_at, version = excluded.version, origin = excluded.origin, deleted = excluded.deleted
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            if not found then
                update public.node as t set state = greatest(t.state, new.state) where (t.id) = (new.id) and (greatest(t.state, new.state) is distinct from t.state);
            end if;
            return null;
        end
        $$;

CREATE FUNCTION replication.merge_node_certificate() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from public.node_certificate where (node) = (new.node) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into public.node_certificate as t (node, document, version, origin, deleted) overriding system value values (new.node, new.document, new.version, new.origin, new.deleted)
            on conflict (node) do update set document = excluded.document, version = excluded.version, origin = excluded.origin, deleted = excluded.deleted
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            return null;
        end
        $$;

CREATE FUNCTION replication.merge_node_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from public.node_version where (number) = (new.number) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into public.node_version as t (number, product, schema, sends, takes, version, origin, deleted) overriding system value values (new.number, new.product, new.schema, new.sends, new.takes, new.version, new.origin, new.deleted)
            on conflict (number) do update set product = excluded.product, schema = excluded.schema, sends = excluded.sends, takes = excluded.takes, version = excluded.version, origin = excluded.origin, deleted = excluded.deleted
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            return null;
        end
        $$;

CREATE FUNCTION replication.merge_node_view() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from public.node_view where (viewer) = (new.viewer) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into public.node_view as t (viewer, document, version, origin, deleted) overriding system value values (new.viewer, new.document, new.version, new.origin, new.deleted)
            on conflict (viewer) do update set document = excluded.document, version = excluded.version, origin = excluded.origin, deleted = excluded.deleted
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            return null;
        end
        $$;

CREATE FUNCTION replication.merge_of_older(relation text, keys text[], merges jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $_$
    select format('if not found then
                update %s as t set %s where (%s) = (%s) and (%s);
            end if;
            ',
                  relation,
                  string_agg(format('%2$I = %1$s(t.%2$I, new.%2$I)', value, key), ', '),
                  replication.list(keys, 't.'), replication.list(keys, 'new.'),
                  string_agg(format('%1$s(t.%2$I, new.%2$I) is distinct from t.%2$I', value, key), ' or '))
    from jsonb_each_text(merges)
    having count(*) > 0
$_$;

CREATE FUNCTION replication.merge_staged(relation text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
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
$_$;

CREATE FUNCTION replication.merge_syslog() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if new.version <= pg_sequence_last_value('replication.purge_floor') then
                -- A row this old that is not here was purged here. The lock keeps a purge from taking it now.
                perform from public.syslog where (id) = (new.id) for key share;
                if not found then
                    return null;
                end if;
            end if;
            insert into public.syslog as t (id, host, port, transport, format, ca_cert, created_at, updated_at, version, origin, deleted) overriding system value values (new.id, new.host, new.port, new.transport, new.format, new.ca_cert, new.created_at, new.updated_at, new.version, new.origin, new.deleted)
            on conflict (id) do update set host = excluded.host, port = excluded.port, transport = excluded.transport, format = excluded.format, ca_cert = excluded.ca_cert, created_at = excluded.created_at, updated_at = excluded.updated_at, version = excluded.version, origin = excluded.origin, deleted = excluded.deleted
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            return null;
        end
        $$;

CREATE FUNCTION replication.miss(peer_number integer, had bigint, came bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    insert into replication.resync (number, reason, had, came) values (peer_number, 'gap', miss.had, miss.came)
    on conflict do nothing;
    if found then
        perform replication.notify('keystead_resync');
    end if;
end
$$;

CREATE FUNCTION replication.notify(channel text, payload text DEFAULT ''::text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    if pg_catalog.pg_notification_queue_usage() < 0.1 then
        perform pg_catalog.pg_notify(channel, payload);
    end if;
end
$$;

CREATE FUNCTION replication.orphans(above bigint) RETURNS TABLE(relation text, version bigint, deleted boolean, key jsonb, content jsonb)
    LANGUAGE plpgsql
    AS $_$
declare
    t replication.enlisted;
    left_out text[];
begin
    for t in
        select * from replication.enlisted e
        where e.digested and e.relation not in ('public.node', 'public.node_certificate', 'public.node_version')
        order by e.relation
    loop
        select array_agg(attname::text) || '{version,origin,deleted,password_hash}' into left_out
        from pg_attribute where attrelid = t.relation::regclass and attnum > 0 and atttypid = 'bytea'::regtype;
        return query execute format(
            'select %L::text, t.version, t.deleted,
                    (select jsonb_object_agg(k, to_jsonb(t) -> k) from unnest($2) k), to_jsonb(t) - $3
             from %s t where t.origin = replication.this_node() and t.version > $1 order by t.version',
            t.relation, t.relation) using above, t.key_columns, left_out;
    end loop;
end
$_$;

CREATE FUNCTION replication.past() RETURNS TABLE(run text, ended bigint)
    LANGUAGE sql STABLE
    AS $$
    select run, coalesce(ended, (select beat from public.heartbeat where number = replication.this_node()), 0)
    from replication.run
$$;

CREATE FUNCTION replication.pending_columns(relation text) RETURNS text[]
    LANGUAGE sql STABLE
    AS $$
    select coalesce(array_agg(column_name order by column_name), '{}')
    from replication.pending p where p.relation = pending_columns.relation and column_name <> '' and not is_sent
$$;

CREATE FUNCTION replication.publication(lane integer) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    select 'keystead' || case when lane > 0 then '_lane_' || lane else '' end
$$;

CREATE FUNCTION replication.publish() RETURNS void
    LANGUAGE plpgsql
    AS $_$
declare
    published text;
begin
    for lane in 0..3 loop
        select string_agg(format('%1$s%2$s where (origin = %3$s%4$s), %5$s%2$s%6$s', relation, sent, replication.this_node(),
                                 ' and ' || carried, outbox, ' where (' || carried || ')'), ', ')
        into published
        from replication.enlisted e
        cross join replication.carried(lane) as carried
        cross join lateral (select case when replication.pending_columns(e.relation) = '{}' then ''
                                        else format(' (%s)', replication.list(e.columns)) end as sent) as s
        where not exists (select from replication.pending p
                          where p.relation = e.relation and p.column_name = '' and not p.is_sent);
        execute format('alter publication %I set table %s', replication.publication(lane), published);
    end loop;
end
$_$;

CREATE FUNCTION replication.purge(up_to bigint, at_most integer) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO ''
    SET session_replication_role TO 'replica'
    AS $_$
declare
    t replication.enlisted;
    taken bigint;
    total bigint := 0;
begin
    perform setval('replication.purge_floor', greatest(up_to, pg_sequence_last_value('replication.purge_floor')));
    for t in select * from replication.enlisted loop
        execute format('delete from %1$s where ctid = any (array(
                            select ctid from %1$s where deleted and version <= $1 limit $2 for update skip locked))', t.relation)
            using up_to, at_most;
        get diagnostics taken = row_count;
        total := total + taken;
    end loop;
    return total;
end
$_$;

CREATE FUNCTION replication.reading_of(relation text, keys jsonb) RETURNS text
    LANGUAGE sql STABLE
    AS $_$
    select format('copy (select %s %s order by %s) to stdout (format binary)',
                  replication.list(e.columns, 't.'),
                  replace(replication.rows_with_keys(e), '$1', quote_literal(keys) || '::jsonb'),
                  replication.list(e.key_columns, 't.'))
    from replication.enlisted_table(relation) e
$_$;

CREATE FUNCTION replication.refuse_not_yet() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception '%: not every member runs the version that has this', tg_argv[0]
        using errcode = 'KS002', hint = 'upgrade all members first';
end
$$;

CREATE FUNCTION replication.refuse_truncate() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'truncate of % is refused: it cannot be merged', tg_relid::regclass
        using hint = 'delete the rows instead';
end
$$;

CREATE FUNCTION replication.refuse_while_fenced() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if exists (select from replication.fence) then
        raise exception 'this node was rolled back and has not caught up yet'
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    return new;
end
$$;

CREATE FUNCTION replication.remember(run text, beat bigint, version bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION replication.resynced(peer_number integer, newest jsonb) RETURNS void
    LANGUAGE plpgsql
    SET session_replication_role TO 'replica'
    AS $$
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

CREATE FUNCTION replication.row_columns(t replication.enlisted) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select format('jsonb_build_object(%s)::text, t.version, t.origin, t.deleted, hash_record_extended(row(%s), 0)',
                  string_agg(format('%L, t.%I', c, c), ', '), replication.hashed_columns(t))
    from unnest(t.key_columns) c
$$;

CREATE FUNCTION replication.rows_with_keys(t replication.enlisted) RETURNS text
    LANGUAGE sql STABLE
    AS $_$
    select format('from jsonb_array_elements($1) as wanted (key)
                   cross join lateral jsonb_populate_record(null::%1$s, wanted.key) as w
                   join %1$s as t on (%2$s) = (%3$s)', t.relation,
                  string_agg(format('t.%I', c), ', '), string_agg(format('w.%I', c), ', '))
    from unnest(t.key_columns) c
$_$;

CREATE FUNCTION replication.send_again(relation text, keys jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    e replication.enlisted := replication.enlisted_table(relation);
    sent bigint;
begin
    execute format('insert into %s (%s) select %s %s order by %s', e.outbox,
                   replication.list(e.columns),
                   replication.list(e.columns, 't.'),
                   replication.rows_with_keys(e),
                   replication.list(e.key_columns, 't.')) using keys;
    get diagnostics sent = row_count;
    return sent;
end
$$;

CREATE FUNCTION replication.send_in_lanes(number integer) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION replication.send_pending(up_to integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    p replication.pending;
    e replication.enlisted;
begin
    for p in select * from replication.pending where since <= up_to and not is_sent order by since, column_name loop
        update replication.pending set is_sent = true where (relation, column_name) = (p.relation, p.column_name);
        update replication.enlisted t set columns = columns || p.column_name
        where t.relation = p.relation and p.column_name <> '';
        select * into strict e from replication.enlisted t where t.relation = p.relation;
        perform replication.make_anew(e);
    end loop;
    perform replication.publish();
end
$$;

CREATE FUNCTION replication.send_rows_of(writer integer, above bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $_$
declare
    t replication.enlisted;
    sent bigint;
    total bigint := 0;
begin
    for t in select * from replication.enlisted e where e.digested loop
        execute format('insert into %s (%s) select %s from %s t where t.origin = $1 and t.version > $2 order by %s',
                       t.outbox, replication.list(t.columns), replication.list(t.columns, 't.'), t.relation,
                       replication.list(t.key_columns, 't.')) using writer, above;
        get diagnostics sent = row_count;
        total := total + sent;
    end loop;
    return total;
end
$_$;

CREATE FUNCTION replication.sender() RETURNS integer
    LANGUAGE plpgsql STABLE
    AS $$
begin
    if not pg_catalog.pg_replication_origin_session_is_setup() then
        return null;
    end if;
    return (select split_part(s.subname, '_', 2)::integer from pg_catalog.pg_stat_subscription s
            where s.pid = pg_catalog.pg_backend_pid() and s.subname ~ '^(keystead|lane)_[0-9]{1,9}_to_' limit 1);
end
$$;

CREATE FUNCTION replication.set_aside(relation text, key text, origin integer, version bigint, content jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION replication.set_lanes(number integer) RETURNS void
    LANGUAGE plpgsql
    AS $_$
begin
    execute format(
        $sql$
        create or replace function replication.lanes() returns integer
            language sql immutable parallel safe as 'select %1$s';
        create or replace function replication.lane() returns bigint language sql stable as
        $body$
            select coalesce(nullif(current_setting('keystead.lane', true), '')::bigint,
                            case when current_setting('synchronous_commit') in ('local', 'off')
                                 then mod(txid_current(), %1$s) else 0 end)
        $body$;
        create or replace function replication.in_lane(version bigint) returns bigint
            language sql volatile as 'select %2$s';
        $sql$, number, case when number = 1 then '$1' else format('($1 / %1$s + 1) * %1$s + replication.lane()', number) end);
    perform replication.publish();
end
$_$;

CREATE FUNCTION replication.setting_aside(relation text, keys text[]) RETURNS text
    LANGUAGE sql STABLE
    AS $_$
    select case when known.broken is null then '' else format(
        $sql$if %s then
                perform replication.set_aside(%L, jsonb_build_array(%s)::text, new.origin, new.version, to_jsonb(new));
                return null;
            end if;$sql$, known.broken, relation, replication.list(keys, 'new.')) end
    from replication.broken(setting_aside.relation) as known (broken)
$_$;

CREATE FUNCTION replication.slot_for(number integer, lane integer) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select case when lane = 0 then format('keystead_%s_to_%s', replication.this_node(), number)
                else format('lane_%s_to_%s_%s', replication.this_node(), number, lane) end
$$;

CREATE FUNCTION replication.spread_sequences() RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    step constant bigint := 4096;
    keys record;
    highest bigint;
begin
    for keys in
        select relation, key, pg_get_serial_sequence(relation, key) as sequence
        from replication.enlisted, unnest(key_columns) key
        where pg_get_serial_sequence(relation, key) is not null
    loop
        execute format('select greatest(max(%I), pg_sequence_last_value(%L), 0) from %s',
                       keys.key, keys.sequence, keys.relation) into highest;
        execute format('alter sequence %s increment by %s', keys.sequence, step);
        perform setval(keys.sequence, (highest / step + 1) * step + mod(replication.this_node(), step));
    end loop;
end
$$;

CREATE FUNCTION replication.stage(relation text) RETURNS text
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION replication.staged(relation text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    select 'pg_temp.' || quote_ident('staged_' || md5(relation))
$$;

CREATE FUNCTION replication.stamp_insert_account() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            if exists (select from public.account where (id) = (new.id) and deleted) then
                declare
                    buried public.account := replication.unbury_account(new);
                begin
                    new.version := replication.in_lane(greatest(new.version, buried.version + 1));
                    
                end;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_insert_alarm() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            if exists (select from public.alarm where (id) = (new.id) and deleted) then
                declare
                    buried public.alarm := replication.unbury_alarm(new);
                begin
                    new.version := replication.in_lane(greatest(new.version, buried.version + 1));
                    
                end;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_insert_alarm_mark() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            if exists (select from public.alarm_mark where (alarm, episode, kind) = (new.alarm, new.episode, new.kind) and deleted) then
                declare
                    buried public.alarm_mark := replication.unbury_alarm_mark(new);
                begin
                    new.version := replication.in_lane(greatest(new.version, buried.version + 1));
                    
                end;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_insert_cluster_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            if exists (select from public.cluster_key where (name) = (new.name) and deleted) then
                declare
                    buried public.cluster_key := replication.unbury_cluster_key(new);
                begin
                    new.version := replication.in_lane(greatest(new.version, buried.version + 1));
                    
                end;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_insert_cluster_property() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            if exists (select from public.cluster_property where (name) = (new.name) and deleted) then
                declare
                    buried public.cluster_property := replication.unbury_cluster_property(new);
                begin
                    new.version := replication.in_lane(greatest(new.version, buried.version + 1));
                    
                end;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_insert_heartbeat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            if exists (select from public.heartbeat where (number) = (new.number) and deleted) then
                declare
                    buried public.heartbeat := replication.unbury_heartbeat(new);
                begin
                    new.version := replication.in_lane(greatest(new.version, buried.version + 1));
                    
                end;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_insert_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_insert_lane_beat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            if exists (select from public.lane_beat where (number, lane) = (new.number, new.lane) and deleted) then
                declare
                    buried public.lane_beat := replication.unbury_lane_beat(new);
                begin
                    new.version := replication.in_lane(greatest(new.version, buried.version + 1));
                    
                end;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_insert_node() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            if exists (select from public.node where (id) = (new.id) and deleted) then
                declare
                    buried public.node := replication.unbury_node(new);
                begin
                    new.version := replication.in_lane(greatest(new.version, buried.version + 1));
                    new.state := greatest(buried.state, new.state); 
                end;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_insert_node_certificate() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            if exists (select from public.node_certificate where (node) = (new.node) and deleted) then
                declare
                    buried public.node_certificate := replication.unbury_node_certificate(new);
                begin
                    new.version := replication.in_lane(greatest(new.version, buried.version + 1));
                    
                end;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_insert_node_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            if exists (select from public.node_version where (number) = (new.number) and deleted) then
                declare
                    buried public.node_version := replication.unbury_node_version(new);
                begin
                    new.version := replication.in_lane(greatest(new.version, buried.version + 1));
                    
                end;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_insert_node_view() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            if exists (select from public.node_view where (viewer) = (new.viewer) and deleted) then
                declare
                    buried public.node_view := replication.unbury_node_view(new);
                begin
                    new.version := replication.in_lane(greatest(new.version, buried.version + 1));
                    
                end;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_insert_syslog() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            new.version := replication.in_lane(replication.version_now());
            new.origin := replication.this_node();
            if exists (select from public.syslog where (id) = (new.id) and deleted) then
                declare
                    buried public.syslog := replication.unbury_syslog(new);
                begin
                    new.version := replication.in_lane(greatest(new.version, buried.version + 1));
                    
                end;
            end if;
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_of_revived(relation text, name text, keys text[], merges jsonb) RETURNS text
    LANGUAGE plpgsql
    AS $_$
declare
    conditions text := (select string_agg(format('%1$I = $1.%1$I', c), ' and ') from unnest(keys) c);
    rising text := (select string_agg(format('new.%1$I := %2$s(buried.%1$I, new.%1$I); ', key, value), '')
                    from jsonb_each_text(merges));
begin
    if merges ? 'deleted' then
        return '';
    end if;
    execute format(
        $sql$
        -- No triggers: a tombstone is really taken out.
        create or replace function replication.%1$I(%2$s) returns %2$s
            language sql set session_replication_role = replica as
        $body$
            delete from %2$s where %3$s and deleted returning *
        $body$
        $sql$, 'unbury_' || name, relation, conditions);
    return format('if exists (select from %1$s where (%2$s) = (%3$s) and deleted) then
                declare
                    buried %1$s := replication.%4$I(new);
                begin
                    new.version := replication.in_lane(greatest(new.version, buried.version + 1));
                    %5$s
                end;
            end if;
            ', relation, replication.list(keys), replication.list(keys, 'new.'), 'unbury_' || name, rising);
end
$_$;

CREATE FUNCTION replication.stamp_update_account() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (new.id) is distinct from (old.id) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into public.account (id, username, password_hash, password_change_required, password_changed_at, created_at, updated_at, version, origin, deleted) overriding system value values (new.id, new.username, new.password_hash, new.password_change_required, new.password_changed_at, new.created_at, new.updated_at, new.version, new.origin, new.deleted);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_update_alarm() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (new.id) is distinct from (old.id) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into public.alarm (id, node, source, kind, name, subject, severity, description, raised, episode, triggered_at, told_at, cleared_at, version, origin, deleted) overriding system value values (new.id, new.node, new.source, new.kind, new.name, new.subject, new.severity, new.description, new.raised, new.episode, new.triggered_at, new.told_at, new.cleared_at, new.version, new.origin, new.deleted);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_update_alarm_mark() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (new.alarm, new.episode, new.kind) is distinct from (old.alarm, old.episode, old.kind) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into public.alarm_mark (alarm, episode, kind, account, at, version, origin, deleted) overriding system value values (new.alarm, new.episode, new.kind, new.account, new.at, new.version, new.origin, new.deleted);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_update_cluster_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (new.name) is distinct from (old.name) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into public.cluster_key (name, public, wrapped, version, origin, deleted) overriding system value values (new.name, new.public, new.wrapped, new.version, new.origin, new.deleted);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_update_cluster_property() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (new.name) is distinct from (old.name) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into public.cluster_property (name, value, version, origin, deleted) overriding system value values (new.name, new.value, new.version, new.origin, new.deleted);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_update_heartbeat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (new.number) is distinct from (old.number) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into public.heartbeat (number, at, seen, beat, run, began, lanes, lane_beats, version, origin, deleted) overriding system value values (new.number, new.at, new.seen, new.beat, new.run, new.began, new.lanes, new.lane_beats, new.version, new.origin, new.deleted);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_update_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (new.id) is distinct from (old.id) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into public.key (id, name, state, algorithm, size, usage_mask, description, unexportable, undeletable, fingerprint, material_version, epoch, wrapped, activation_date, created_at, updated_at, version_of, version, origin, deleted) overriding system value values (new.id, new.name, new.state, new.algorithm, new.size, new.usage_mask, new.description, new.unexportable, new.undeletable, new.fingerprint, new.material_version, new.epoch, new.wrapped, new.activation_date, new.created_at, new.updated_at, new.version_of, new.version, new.origin, new.deleted);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            new.state := public.join_key_state(old.state, new.state); new.deleted := greatest(old.deleted, new.deleted); new.unexportable := greatest(old.unexportable, new.unexportable);
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_update_lane_beat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (new.number, new.lane) is distinct from (old.number, old.lane) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into public.lane_beat (number, lane, beat, version, origin, deleted) overriding system value values (new.number, new.lane, new.beat, new.version, new.origin, new.deleted);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_update_node() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (new.id) is distinct from (old.id) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into public.node (id, number, host, port, public_address, state, stage, serial, joined_at, version, origin, deleted) overriding system value values (new.id, new.number, new.host, new.port, new.public_address, new.state, new.stage, new.serial, new.joined_at, new.version, new.origin, new.deleted);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            new.state := greatest(old.state, new.state);
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_update_node_certificate() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (new.node) is distinct from (old.node) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into public.node_certificate (node, document, version, origin, deleted) overriding system value values (new.node, new.document, new.version, new.origin, new.deleted);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_update_node_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (new.number) is distinct from (old.number) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into public.node_version (number, product, schema, sends, takes, version, origin, deleted) overriding system value values (new.number, new.product, new.schema, new.sends, new.takes, new.version, new.origin, new.deleted);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_update_node_view() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (new.viewer) is distinct from (old.viewer) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into public.node_view (viewer, document, version, origin, deleted) overriding system value values (new.viewer, new.document, new.version, new.origin, new.deleted);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            
            return new;
        end
        $$;

CREATE FUNCTION replication.stamp_update_syslog() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        begin
            if (new.id) is distinct from (old.id) then
                -- Another primary key is another row: that one is inserted, and this one is deleted.
                insert into public.syslog (id, host, port, transport, format, ca_cert, created_at, updated_at, version, origin, deleted) overriding system value values (new.id, new.host, new.port, new.transport, new.format, new.ca_cert, new.created_at, new.updated_at, new.version, new.origin, new.deleted);
                new := old;
                new.deleted := true;
            end if;
            new.version := replication.in_lane(greatest(replication.version_now(), old.version + 1));
            new.origin := replication.this_node();
            
            return new;
        end
        $$;

CREATE FUNCTION replication.take(relation text) RETURNS bigint
    LANGUAGE plpgsql
    AS $_$
declare
    e replication.enlisted := replication.enlisted_table(relation);
    col_list text := replication.list(e.columns);
    taken bigint;
begin
    if current_setting('session_replication_role') <> 'replica' then
        raise exception 'rows are taken over in replica role only' using errcode = 'active_sql_transaction';
    end if;
    execute format('insert into %s as t (%s) overriding system value select %2$s from pg_temp.taken
                    on conflict (%s) do update set %s where (t.version, t.origin) = (excluded.version, excluded.origin)',
                   e.relation, col_list, replication.list(e.key_columns),
                   (select string_agg(format('%1$I = excluded.%1$I', c), ', ')
                    from unnest(e.columns) c where c <> all (e.key_columns)));
    get diagnostics taken = row_count;
    return taken;
end
$_$;

CREATE FUNCTION replication.this_node() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$select 1$$;

CREATE FUNCTION replication.touch(relation text, keys jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $_$
declare
    e replication.enlisted := replication.enlisted_table(relation);
    touched bigint;
begin
    execute format('update %s as t set version = t.version
                    from jsonb_array_elements($1) as wanted (key)
                    cross join lateral jsonb_populate_record(null::%1$s, wanted.key) as w where (%s) = (%s)', e.relation,
                   replication.list(e.key_columns, 't.'),
                   replication.list(e.key_columns, 'w.')) using keys;
    get diagnostics touched = row_count;
    return touched;
end
$_$;

CREATE FUNCTION replication.unbury_account(public.account) RETURNS public.account
    LANGUAGE sql
    SET session_replication_role TO 'replica'
    AS $_$
            delete from public.account where id = $1.id and deleted returning *
        $_$;

CREATE TABLE public.alarm (
    id text NOT NULL,
    node integer NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    subject text NOT NULL,
    severity text NOT NULL,
    description text NOT NULL,
    raised boolean NOT NULL,
    episode bigint NOT NULL,
    triggered_at timestamp with time zone NOT NULL,
    told_at timestamp with time zone NOT NULL,
    cleared_at timestamp with time zone,
    version bigint DEFAULT 0 NOT NULL,
    origin integer DEFAULT 0 NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);

CREATE FUNCTION replication.unbury_alarm(public.alarm) RETURNS public.alarm
    LANGUAGE sql
    SET session_replication_role TO 'replica'
    AS $_$
            delete from public.alarm where id = $1.id and deleted returning *
        $_$;

CREATE TABLE public.alarm_mark (
    alarm text NOT NULL,
    episode bigint NOT NULL,
    kind text NOT NULL,
    account text NOT NULL,
    at timestamp with time zone NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    origin integer DEFAULT 0 NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);

CREATE FUNCTION replication.unbury_alarm_mark(public.alarm_mark) RETURNS public.alarm_mark
    LANGUAGE sql
    SET session_replication_role TO 'replica'
    AS $_$
            delete from public.alarm_mark where alarm = $1.alarm and episode = $1.episode and kind = $1.kind and deleted returning *
        $_$;

CREATE TABLE public.cluster_key (
    name text NOT NULL,
    public bytea,
    wrapped bytea NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    origin integer DEFAULT 0 NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);

CREATE FUNCTION replication.unbury_cluster_key(public.cluster_key) RETURNS public.cluster_key
    LANGUAGE sql
    SET session_replication_role TO 'replica'
    AS $_$
            delete from public.cluster_key where name = $1.name and deleted returning *
        $_$;

CREATE TABLE public.cluster_property (
    name text NOT NULL,
    value text NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    origin integer DEFAULT 0 NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);

CREATE FUNCTION replication.unbury_cluster_property(public.cluster_property) RETURNS public.cluster_property
    LANGUAGE sql
    SET session_replication_role TO 'replica'
    AS $_$
            delete from public.cluster_property where name = $1.name and deleted returning *
        $_$;

CREATE TABLE public.heartbeat (
    number integer NOT NULL,
    at bigint NOT NULL,
    seen jsonb NOT NULL,
    beat bigint DEFAULT 0 NOT NULL,
    run text DEFAULT ''::text NOT NULL,
    began bigint DEFAULT 0 NOT NULL,
    lanes integer DEFAULT 1 NOT NULL,
    lane_beats bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    origin integer DEFAULT 0 NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);

CREATE FUNCTION replication.unbury_heartbeat(public.heartbeat) RETURNS public.heartbeat
    LANGUAGE sql
    SET session_replication_role TO 'replica'
    AS $_$
            delete from public.heartbeat where number = $1.number and deleted returning *
        $_$;

CREATE TABLE public.lane_beat (
    number integer NOT NULL,
    lane integer NOT NULL,
    beat bigint NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    origin integer DEFAULT 0 NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);

CREATE FUNCTION replication.unbury_lane_beat(public.lane_beat) RETURNS public.lane_beat
    LANGUAGE sql
    SET session_replication_role TO 'replica'
    AS $_$
            delete from public.lane_beat where number = $1.number and lane = $1.lane and deleted returning *
        $_$;

CREATE TABLE public.node (
    id text NOT NULL,
    number integer NOT NULL,
    host text NOT NULL,
    port integer NOT NULL,
    public_address text NOT NULL,
    state public.node_state NOT NULL,
    stage text NOT NULL,
    serial text NOT NULL,
    joined_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    origin integer DEFAULT 0 NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);

CREATE FUNCTION replication.unbury_node(public.node) RETURNS public.node
    LANGUAGE sql
    SET session_replication_role TO 'replica'
    AS $_$
            delete from public.node where id = $1.id and deleted returning *
        $_$;

CREATE TABLE public.node_certificate (
    node text NOT NULL,
    document jsonb NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    origin integer DEFAULT 0 NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);

CREATE FUNCTION replication.unbury_node_certificate(public.node_certificate) RETURNS public.node_certificate
    LANGUAGE sql
    SET session_replication_role TO 'replica'
    AS $_$
            delete from public.node_certificate where node = $1.node and deleted returning *
        $_$;

CREATE TABLE public.node_version (
    number integer NOT NULL,
    product text NOT NULL,
    schema integer NOT NULL,
    sends integer NOT NULL,
    takes integer NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    origin integer DEFAULT 0 NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);

CREATE FUNCTION replication.unbury_node_version(public.node_version) RETURNS public.node_version
    LANGUAGE sql
    SET session_replication_role TO 'replica'
    AS $_$
            delete from public.node_version where number = $1.number and deleted returning *
        $_$;

CREATE TABLE public.node_view (
    viewer text NOT NULL,
    document jsonb NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    origin integer DEFAULT 0 NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);

CREATE FUNCTION replication.unbury_node_view(public.node_view) RETURNS public.node_view
    LANGUAGE sql
    SET session_replication_role TO 'replica'
    AS $_$
            delete from public.node_view where viewer = $1.viewer and deleted returning *
        $_$;

CREATE TABLE public.syslog (
    id text NOT NULL,
    host text NOT NULL,
    port integer NOT NULL,
    transport text NOT NULL,
    format text NOT NULL,
    ca_cert text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    origin integer DEFAULT 0 NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);

CREATE FUNCTION replication.unbury_syslog(public.syslog) RETURNS public.syslog
    LANGUAGE sql
    SET session_replication_role TO 'replica'
    AS $_$
            delete from public.syslog where id = $1.id and deleted returning *
        $_$;

CREATE FUNCTION replication.use_pending(up_to integer) RETURNS text
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION replication.version_now() RETURNS bigint
    LANGUAGE sql
    AS $$
    select case when pg_current_xact_id() is not null
                then greatest((date_part('epoch', clock_timestamp()) * 1000000)::bigint,
                              pg_sequence_last_value('replication.floor') + 1) end
$$;

CREATE FUNCTION replication.wait_for_members(patience interval DEFAULT '00:01:00'::interval) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
    deadline timestamptz := clock_timestamp() + patience;
    up_to bigint := replication.barrier_time();
    lacking text;
begin
    if pg_current_xact_id_if_assigned() is not null then
        raise exception 'this transaction has written, and what it wrote leaves this node when it commits'
            using errcode = 'active_sql_transaction', hint = 'commit first, then wait';
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'this transaction would not see what arrives while it waits'
            using errcode = 'active_sql_transaction', hint = 'wait in a transaction that is read committed';
    end if;
    loop
        lacking := replication.members_without(up_to);
        exit when lacking is null;
        if clock_timestamp() > deadline then
            raise exception 'not everything is on every member yet' using errcode = 'query_canceled',
                detail = format('These members do not have all of it: %s.', lacking),
                hint = 'wait again, or see `ksctl cluster errors`';
        end if;
        perform pg_sleep(0.05);
    end loop;
    return up_to;
end
$$;

CREATE FUNCTION replication.wait_for_peers(peers integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    quorum integer := substring(pg_catalog.current_setting('synchronous_standby_names') from '^ANY ([0-9]+) ')::integer;
    streaming integer;
begin
    select count(*) into streaming
    from pg_catalog.pg_stat_get_wal_senders() where state = 'streaming' and sync_priority > 0;
    if quorum is null or quorum < peers or streaming < quorum then
        raise exception '% of % members are there to wait for, and % are asked for', streaming, quorum, peers
            using errcode = 'KS001';
    end if;
    -- It waits for the readers of the first lane, so it must not have begun in another.
    if replication.lanes() > 1 and nullif(pg_catalog.current_setting('keystead.lane', true), '') is distinct from '0'
       and pg_catalog.pg_current_xact_id_if_assigned() is not null then
        raise exception 'this transaction has begun in a lane that nobody waits for'
            using errcode = 'active_sql_transaction', hint = 'set keystead.lane to 0 before it writes';
    end if;
    perform pg_catalog.set_config('keystead.lane', '0', true);
    perform pg_catalog.set_config('synchronous_commit', 'on', true);
end
$$;

CREATE FUNCTION replication.wanted_lanes() RETURNS integer
    LANGUAGE sql STABLE
    AS $_$
    select coalesce((select value::integer from live.cluster_property where name = 'lanes' and value ~ '^[1-4]$'), 1)
$_$;

CREATE FUNCTION replication.watch_slots() RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION replication.without(columns text[], left_out text[]) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    AS $$
    select array_agg(c order by n) from unnest(columns) with ordinality as u (c, n) where c <> all (left_out)
$$;

CREATE FUNCTION replication.written_from(times bigint[]) RETURNS TABLE(number integer, row_count bigint)
    LANGUAGE plpgsql STABLE
    AS $_$
declare
    relation text;
begin
    for relation in select e.relation from replication.enlisted e where e.digested loop
        return query execute format('select width_bucket(version, $1), count(*) from %s
                                     where origin = replication.this_node() and version >= $1[1] group by 1', relation)
            using times;
    end loop;
end
$_$;

CREATE VIEW live.account AS
 SELECT account.id,
    account.username,
    account.password_hash,
    account.password_change_required,
    account.password_changed_at,
    account.created_at,
    account.updated_at,
    account.version,
    account.origin
   FROM public.account
  WHERE (NOT account.deleted);

CREATE VIEW live.alarm AS
 SELECT alarm.id,
    alarm.node,
    alarm.source,
    alarm.kind,
    alarm.name,
    alarm.subject,
    alarm.severity,
    alarm.description,
    alarm.raised,
    alarm.episode,
    alarm.triggered_at,
    alarm.told_at,
    alarm.cleared_at,
    alarm.version,
    alarm.origin
   FROM public.alarm
  WHERE (NOT alarm.deleted);

CREATE VIEW live.alarm_mark AS
 SELECT alarm_mark.alarm,
    alarm_mark.episode,
    alarm_mark.kind,
    alarm_mark.account,
    alarm_mark.at,
    alarm_mark.version,
    alarm_mark.origin
   FROM public.alarm_mark
  WHERE (NOT alarm_mark.deleted);

CREATE VIEW live.cluster_key AS
 SELECT cluster_key.name,
    cluster_key.public,
    cluster_key.wrapped,
    cluster_key.version,
    cluster_key.origin
   FROM public.cluster_key
  WHERE (NOT cluster_key.deleted);

CREATE VIEW live.cluster_property AS
 SELECT cluster_property.name,
    cluster_property.value,
    cluster_property.version,
    cluster_property.origin
   FROM public.cluster_property
  WHERE (NOT cluster_property.deleted);

CREATE VIEW live.heartbeat AS
 SELECT heartbeat.number,
    heartbeat.at,
    heartbeat.seen,
    heartbeat.beat,
    heartbeat.run,
    heartbeat.began,
    heartbeat.lanes,
    heartbeat.lane_beats,
    heartbeat.version,
    heartbeat.origin
   FROM public.heartbeat
  WHERE (NOT heartbeat.deleted);

CREATE VIEW live.key AS
 SELECT key.id,
    key.name,
    key.state,
    key.algorithm,
    key.size,
    key.usage_mask,
    key.description,
    key.unexportable,
    key.undeletable,
    key.fingerprint,
    key.material_version,
    key.epoch,
    key.wrapped,
    key.activation_date,
    key.created_at,
    key.updated_at,
    key.version_of,
    key.version,
    key.origin
   FROM public.key
  WHERE (NOT key.deleted);

CREATE VIEW live.lane_beat AS
 SELECT lane_beat.number,
    lane_beat.lane,
    lane_beat.beat,
    lane_beat.version,
    lane_beat.origin
   FROM public.lane_beat
  WHERE (NOT lane_beat.deleted);

CREATE VIEW live.node AS
 SELECT node.id,
    node.number,
    node.host,
    node.port,
    node.public_address,
    node.state,
    node.stage,
    node.serial,
    node.joined_at,
    node.version,
    node.origin
   FROM public.node
  WHERE (NOT node.deleted);

CREATE VIEW live.node_certificate AS
 SELECT node_certificate.node,
    node_certificate.document,
    node_certificate.version,
    node_certificate.origin
   FROM public.node_certificate
  WHERE (NOT node_certificate.deleted);

CREATE VIEW live.node_version AS
 SELECT node_version.number,
    node_version.product,
    node_version.schema,
    node_version.sends,
    node_version.takes,
    node_version.version,
    node_version.origin
   FROM public.node_version
  WHERE (NOT node_version.deleted);

CREATE VIEW live.node_view AS
 SELECT node_view.viewer,
    node_view.document,
    node_view.version,
    node_view.origin
   FROM public.node_view
  WHERE (NOT node_view.deleted);

CREATE VIEW live.syslog AS
 SELECT syslog.id,
    syslog.host,
    syslog.port,
    syslog.transport,
    syslog.format,
    syslog.ca_cert,
    syslog.created_at,
    syslog.updated_at,
    syslog.version,
    syslog.origin
   FROM public.syslog
  WHERE (NOT syslog.deleted);

CREATE VIEW public.alarm_state AS
 SELECT a.id,
    a.source,
    a.kind,
    a.name,
    a.subject,
    a.severity,
    a.description,
    a.episode,
    a.triggered_at,
    s.state,
    noticed.at AS acknowledged_at,
    noticed.account AS acknowledged_by,
        CASE
            WHEN (s.state = 'off'::text) THEN COALESCE(cleared.at, a.cleared_at)
            ELSE NULL::timestamp with time zone
        END AS cleared_at,
        CASE
            WHEN (s.state = 'off'::text) THEN COALESCE(cleared.account, 'system'::text)
            ELSE NULL::text
        END AS cleared_by
   FROM (((live.alarm a
     LEFT JOIN live.alarm_mark noticed ON (((noticed.alarm = a.id) AND (noticed.episode = a.episode) AND (noticed.kind = 'acknowledged'::text))))
     LEFT JOIN live.alarm_mark cleared ON (((cleared.alarm = a.id) AND (cleared.episode = a.episode) AND (cleared.kind = 'cleared'::text))))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (a.raised AND (cleared.at IS NULL) AND (NOT (EXISTS ( SELECT
                       FROM live.node n
                      WHERE ((n.number = a.node) AND (n.state = ANY (ARRAY['removing'::public.node_state, 'removed'::public.node_state]))))))) THEN 'on'::text
                    ELSE 'off'::text
                END AS state) s);

CREATE VIEW public.name_clash AS
 SELECT 'key'::text AS kind,
    n.name,
    ( SELECT array_agg(k.id ORDER BY k.created_at, k.id) AS array_agg
           FROM live.key k
          WHERE (k.id IN ( SELECT public.newest_version(COALESCE(o.version_of, o.id), NULL::integer) AS newest_version
                   FROM live.key o
                  WHERE (o.name = n.name)))) AS ids
   FROM ( SELECT key.name
           FROM live.key
          GROUP BY key.name
         HAVING ((count(*) > 1) AND (min(COALESCE(key.version_of, key.id)) <> max(COALESCE(key.version_of, key.id))))
          ORDER BY key.name
         LIMIT 1000) n
UNION ALL
 SELECT 'account'::text AS kind,
    n.username AS name,
    ( SELECT array_agg(a.id ORDER BY a.created_at, a.id) AS array_agg
           FROM live.account a
          WHERE (a.username = n.username)) AS ids
   FROM ( SELECT account.username
           FROM live.account
          GROUP BY account.username
         HAVING (count(*) > 1)
          ORDER BY account.username
         LIMIT 1000) n;

CREATE TABLE public.refinery_schema_history (
    version integer NOT NULL,
    name character varying(255),
    applied_on character varying(255),
    checksum character varying(255)
);

CREATE TABLE public.restored (
    only_one boolean DEFAULT true NOT NULL,
    run text NOT NULL,
    CONSTRAINT restored_only_one_check CHECK (only_one)
);

CREATE TABLE replication.bad_row (
    relation text NOT NULL,
    key text NOT NULL,
    sender integer,
    origin integer,
    version bigint,
    found_at timestamp with time zone NOT NULL,
    row_text text
);

CREATE TABLE replication.call (
    id bigint NOT NULL,
    caller text NOT NULL,
    kind text NOT NULL,
    body jsonb NOT NULL,
    answer jsonb,
    asked_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE replication.call ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME replication.call_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE replication.fence (
    only_one boolean DEFAULT true NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    has_all_up_to bigint NOT NULL,
    too_old boolean DEFAULT false NOT NULL,
    CONSTRAINT fence_only_one_check CHECK (only_one)
);

CREATE SEQUENCE replication.floor
    START WITH 0
    INCREMENT BY 1
    MINVALUE 0
    NO MAXVALUE
    CACHE 1;

CREATE VIEW replication.kept AS
 SELECT node.number,
    lane.lane,
    slot.active,
    slot.confirmed_flush_lsn AS confirmed,
    slot.wal_status,
    COALESCE(counted.total_txns, (0)::bigint) AS sent,
    concat(date_part('epoch'::text, server.stats_reset), ' ', date_part('epoch'::text, counted.stats_reset)) AS counting
   FROM ((((public.node
     CROSS JOIN generate_series(0, 3) lane(lane))
     JOIN pg_replication_slots slot ON (((slot.slot_name = replication.slot_for(node.number, lane.lane)) AND (slot.plugin = 'pgoutput'::name) AND (slot.database = current_database()))))
     LEFT JOIN pg_stat_replication_slots counted ON ((counted.slot_name = slot.slot_name)))
     CROSS JOIN pg_stat_bgwriter server)
  WHERE (node.state <> 'removed'::public.node_state);

CREATE TABLE replication.lease (
    only_one boolean DEFAULT true NOT NULL,
    holder text NOT NULL,
    until timestamp with time zone NOT NULL,
    highest_number integer NOT NULL,
    owner text DEFAULT ''::text NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    reserved_at timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    CONSTRAINT lease_only_one_check CHECK (only_one)
);

CREATE TABLE replication.misuse (
    node text NOT NULL,
    said text NOT NULL,
    seen_at timestamp with time zone NOT NULL
);

CREATE TABLE replication.outbox_account (
    id text,
    username text,
    password_hash text,
    password_change_required boolean,
    password_changed_at timestamp with time zone,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    version bigint,
    origin integer,
    deleted boolean
)
WITH (autovacuum_enabled='false');

CREATE TABLE replication.outbox_alarm (
    id text,
    node integer,
    source text,
    kind text,
    name text,
    subject text,
    severity text,
    description text,
    raised boolean,
    episode bigint,
    triggered_at timestamp with time zone,
    told_at timestamp with time zone,
    cleared_at timestamp with time zone,
    version bigint,
    origin integer,
    deleted boolean
)
WITH (autovacuum_enabled='false');

CREATE TABLE replication.outbox_alarm_mark (
    alarm text,
    episode bigint,
    kind text,
    account text,
    at timestamp with time zone,
    version bigint,
    origin integer,
    deleted boolean
)
WITH (autovacuum_enabled='false');

CREATE TABLE replication.outbox_cluster_key (
    name text,
    public bytea,
    wrapped bytea,
    version bigint,
    origin integer,
    deleted boolean
)
WITH (autovacuum_enabled='false');

CREATE TABLE replication.outbox_cluster_property (
    name text,
    value text,
    version bigint,
    origin integer,
    deleted boolean
)
WITH (autovacuum_enabled='false');

CREATE TABLE replication.outbox_heartbeat (
    number integer,
    at bigint,
    seen jsonb,
    beat bigint,
    run text,
    began bigint,
    lanes integer,
    lane_beats bigint[],
    version bigint,
    origin integer,
    deleted boolean
)
WITH (autovacuum_enabled='false');

CREATE TABLE replication.outbox_key (
    id text,
    name text,
    state public.key_state,
    algorithm text,
    size integer,
    usage_mask integer,
    description text,
    unexportable boolean,
    undeletable boolean,
    fingerprint text,
    material_version integer,
    epoch integer,
    wrapped bytea,
    activation_date timestamp with time zone,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    version_of text,
    version bigint,
    origin integer,
    deleted boolean
)
WITH (autovacuum_enabled='false');

CREATE TABLE replication.outbox_lane_beat (
    number integer,
    lane integer,
    beat bigint,
    version bigint,
    origin integer,
    deleted boolean
)
WITH (autovacuum_enabled='false');

CREATE TABLE replication.outbox_node (
    id text,
    number integer,
    host text,
    port integer,
    public_address text,
    state public.node_state,
    stage text,
    serial text,
    joined_at timestamp with time zone,
    version bigint,
    origin integer,
    deleted boolean
)
WITH (autovacuum_enabled='false');

CREATE TABLE replication.outbox_node_certificate (
    node text,
    document jsonb,
    version bigint,
    origin integer,
    deleted boolean
)
WITH (autovacuum_enabled='false');

CREATE TABLE replication.outbox_node_version (
    number integer,
    product text,
    schema integer,
    sends integer,
    takes integer,
    version bigint,
    origin integer,
    deleted boolean
)
WITH (autovacuum_enabled='false');

CREATE TABLE replication.outbox_node_view (
    viewer text,
    document jsonb,
    version bigint,
    origin integer,
    deleted boolean
)
WITH (autovacuum_enabled='false');

CREATE TABLE replication.outbox_syslog (
    id text,
    host text,
    port integer,
    transport text,
    format text,
    ca_cert text,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    version bigint,
    origin integer,
    deleted boolean
)
WITH (autovacuum_enabled='false');

CREATE TABLE replication.pending (
    relation text NOT NULL,
    column_name text NOT NULL,
    since integer NOT NULL,
    is_sent boolean DEFAULT false NOT NULL
);

CREATE TABLE replication.promised (
    number integer NOT NULL,
    version bigint NOT NULL,
    beat bigint NOT NULL,
    run text NOT NULL,
    lanes integer NOT NULL,
    lane_beats bigint[] NOT NULL,
    heartbeat jsonb NOT NULL
);

CREATE SEQUENCE replication.purge_floor
    START WITH 0
    INCREMENT BY 1
    MINVALUE 0
    NO MAXVALUE
    CACHE 1;

CREATE TABLE replication.resync (
    number integer NOT NULL,
    reason text NOT NULL,
    had bigint,
    came bigint,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE replication.rule (
    relation text NOT NULL,
    since integer NOT NULL,
    broken text NOT NULL
);

CREATE TABLE replication.rules_in_force (
    only_one boolean DEFAULT true NOT NULL,
    up_to integer NOT NULL,
    CONSTRAINT rules_in_force_only_one_check CHECK (only_one)
);

CREATE TABLE replication.run (
    run text NOT NULL,
    began bigint NOT NULL,
    ended bigint
);

CREATE TABLE replication.slot_seen (
    number integer NOT NULL,
    lane integer NOT NULL,
    active boolean NOT NULL,
    confirmed pg_lsn NOT NULL,
    sent bigint NOT NULL,
    counting text NOT NULL,
    moved boolean DEFAULT false NOT NULL
);

CREATE SEQUENCE replication.unlooked
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alarm_mark
    ADD CONSTRAINT alarm_mark_pkey PRIMARY KEY (alarm, episode, kind);

ALTER TABLE ONLY public.alarm
    ADD CONSTRAINT alarm_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.cluster_key
    ADD CONSTRAINT cluster_key_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.cluster_property
    ADD CONSTRAINT cluster_property_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.heartbeat
    ADD CONSTRAINT heartbeat_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.key
    ADD CONSTRAINT key_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.lane_beat
    ADD CONSTRAINT lane_beat_pkey PRIMARY KEY (number, lane);

ALTER TABLE ONLY public.node_certificate
    ADD CONSTRAINT node_certificate_pkey PRIMARY KEY (node);

ALTER TABLE ONLY public.node
    ADD CONSTRAINT node_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.node_version
    ADD CONSTRAINT node_version_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.node_view
    ADD CONSTRAINT node_view_pkey PRIMARY KEY (viewer);

ALTER TABLE ONLY public.refinery_schema_history
    ADD CONSTRAINT refinery_schema_history_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.restored
    ADD CONSTRAINT restored_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY public.syslog
    ADD CONSTRAINT syslog_pkey PRIMARY KEY (id);

ALTER TABLE ONLY replication.bad_row
    ADD CONSTRAINT bad_row_pkey PRIMARY KEY (relation, key);

ALTER TABLE ONLY replication.call
    ADD CONSTRAINT call_pkey PRIMARY KEY (id);

ALTER TABLE ONLY replication.enlisted
    ADD CONSTRAINT enlisted_pkey PRIMARY KEY (relation);

ALTER TABLE ONLY replication.fence
    ADD CONSTRAINT fence_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY replication.lease
    ADD CONSTRAINT lease_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY replication.misuse
    ADD CONSTRAINT misuse_pkey PRIMARY KEY (node);

ALTER TABLE ONLY replication.pending
    ADD CONSTRAINT pending_pkey PRIMARY KEY (relation, column_name);

ALTER TABLE ONLY replication.promised
    ADD CONSTRAINT promised_pkey PRIMARY KEY (number, version);

ALTER TABLE ONLY replication.resync
    ADD CONSTRAINT resync_pkey PRIMARY KEY (number);

ALTER TABLE ONLY replication.rule
    ADD CONSTRAINT rule_pkey PRIMARY KEY (relation, since);

ALTER TABLE ONLY replication.rules_in_force
    ADD CONSTRAINT rules_in_force_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY replication.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (run);

ALTER TABLE ONLY replication.slot_seen
    ADD CONSTRAINT slot_seen_pkey PRIMARY KEY (number, lane);

CREATE INDEX account_username ON public.account USING btree (username) WHERE (NOT deleted);

CREATE INDEX key_created_at ON public.key USING btree (created_at, id);

CREATE INDEX key_name ON public.key USING btree (name) INCLUDE (version_of, id) WHERE (NOT deleted);

CREATE INDEX key_version_of ON public.key USING btree (version_of) WHERE (version_of IS NOT NULL);

CREATE UNIQUE INDEX one_run_is_on ON replication.run USING btree ((true)) WHERE (ended IS NULL);

CREATE TRIGGER drop_material BEFORE INSERT OR UPDATE ON public.key FOR EACH ROW WHEN (((new.wrapped IS NOT NULL) AND (new.deleted OR (new.state >= 'Destroyed'::public.key_state)))) EXECUTE FUNCTION public.drop_material();

ALTER TABLE public.key ENABLE ALWAYS TRIGGER drop_material;

CREATE TRIGGER hear BEFORE INSERT ON public.heartbeat FOR EACH ROW WHEN (((pg_trigger_depth() = 0) AND pg_replication_origin_session_is_setup())) EXECUTE FUNCTION replication.hear();

ALTER TABLE public.heartbeat ENABLE REPLICA TRIGGER hear;

CREATE TRIGGER hear BEFORE INSERT ON public.lane_beat FOR EACH ROW EXECUTE FUNCTION replication.hear_in_lane();

ALTER TABLE public.lane_beat ENABLE REPLICA TRIGGER hear;

CREATE TRIGGER hear_promised AFTER INSERT OR UPDATE ON public.lane_beat FOR EACH ROW EXECUTE FUNCTION replication.hear_promised();

ALTER TABLE public.lane_beat ENABLE REPLICA TRIGGER hear_promised;

CREATE TRIGGER merge BEFORE INSERT ON public.account FOR EACH ROW EXECUTE FUNCTION replication.arrive_account();

ALTER TABLE public.account ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON public.alarm FOR EACH ROW EXECUTE FUNCTION replication.arrive_alarm();

ALTER TABLE public.alarm ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON public.alarm_mark FOR EACH ROW EXECUTE FUNCTION replication.arrive_alarm_mark();

ALTER TABLE public.alarm_mark ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON public.cluster_key FOR EACH ROW EXECUTE FUNCTION replication.arrive_cluster_key();

ALTER TABLE public.cluster_key ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON public.cluster_property FOR EACH ROW EXECUTE FUNCTION replication.arrive_cluster_property();

ALTER TABLE public.cluster_property ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON public.heartbeat FOR EACH ROW EXECUTE FUNCTION replication.arrive_heartbeat();

ALTER TABLE public.heartbeat ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON public.key FOR EACH ROW EXECUTE FUNCTION replication.arrive_key();

ALTER TABLE public.key ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON public.lane_beat FOR EACH ROW EXECUTE FUNCTION replication.arrive_lane_beat();

ALTER TABLE public.lane_beat ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON public.node FOR EACH ROW EXECUTE FUNCTION replication.arrive_node();

ALTER TABLE public.node ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON public.node_certificate FOR EACH ROW EXECUTE FUNCTION replication.arrive_node_certificate();

ALTER TABLE public.node_certificate ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON public.node_version FOR EACH ROW EXECUTE FUNCTION replication.arrive_node_version();

ALTER TABLE public.node_version ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON public.node_view FOR EACH ROW EXECUTE FUNCTION replication.arrive_node_view();

ALTER TABLE public.node_view ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON public.syslog FOR EACH ROW EXECUTE FUNCTION replication.arrive_syslog();

ALTER TABLE public.syslog ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER tell_account_changed AFTER INSERT OR UPDATE ON public.account FOR EACH ROW EXECUTE FUNCTION public.tell_account_changed();

ALTER TABLE public.account ENABLE ALWAYS TRIGGER tell_account_changed;

CREATE TRIGGER tell_node_changed AFTER INSERT OR UPDATE ON public.node FOR EACH ROW EXECUTE FUNCTION public.tell_node_changed();

ALTER TABLE public.node ENABLE ALWAYS TRIGGER tell_node_changed;

CREATE TRIGGER tell_property_changed AFTER INSERT OR UPDATE ON public.cluster_property FOR EACH ROW EXECUTE FUNCTION public.tell_node_changed();

ALTER TABLE public.cluster_property ENABLE ALWAYS TRIGGER tell_property_changed;

CREATE TRIGGER tell_version_changed AFTER INSERT OR UPDATE ON public.node_version FOR EACH ROW EXECUTE FUNCTION public.tell_node_changed();

ALTER TABLE public.node_version ENABLE ALWAYS TRIGGER tell_version_changed;

CREATE TRIGGER zz_bury BEFORE DELETE ON public.account FOR EACH ROW EXECUTE FUNCTION replication.bury_account();

CREATE TRIGGER zz_bury BEFORE DELETE ON public.alarm FOR EACH ROW EXECUTE FUNCTION replication.bury_alarm();

CREATE TRIGGER zz_bury BEFORE DELETE ON public.alarm_mark FOR EACH ROW EXECUTE FUNCTION replication.bury_alarm_mark();

CREATE TRIGGER zz_bury BEFORE DELETE ON public.cluster_key FOR EACH ROW EXECUTE FUNCTION replication.bury_cluster_key();

CREATE TRIGGER zz_bury BEFORE DELETE ON public.cluster_property FOR EACH ROW EXECUTE FUNCTION replication.bury_cluster_property();

CREATE TRIGGER zz_bury BEFORE DELETE ON public.heartbeat FOR EACH ROW EXECUTE FUNCTION replication.bury_heartbeat();

CREATE TRIGGER zz_bury BEFORE DELETE ON public.key FOR EACH ROW EXECUTE FUNCTION replication.bury_key();

CREATE TRIGGER zz_bury BEFORE DELETE ON public.lane_beat FOR EACH ROW EXECUTE FUNCTION replication.bury_lane_beat();

CREATE TRIGGER zz_bury BEFORE DELETE ON public.node FOR EACH ROW EXECUTE FUNCTION replication.bury_node();

CREATE TRIGGER zz_bury BEFORE DELETE ON public.node_certificate FOR EACH ROW EXECUTE FUNCTION replication.bury_node_certificate();

CREATE TRIGGER zz_bury BEFORE DELETE ON public.node_version FOR EACH ROW EXECUTE FUNCTION replication.bury_node_version();

CREATE TRIGGER zz_bury BEFORE DELETE ON public.node_view FOR EACH ROW EXECUTE FUNCTION replication.bury_node_view();

CREATE TRIGGER zz_bury BEFORE DELETE ON public.syslog FOR EACH ROW EXECUTE FUNCTION replication.bury_syslog();

CREATE TRIGGER zz_capture AFTER UPDATE ON public.account REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION replication.capture_account();

CREATE TRIGGER zz_capture AFTER UPDATE ON public.alarm REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION replication.capture_alarm();

CREATE TRIGGER zz_capture AFTER UPDATE ON public.alarm_mark REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION replication.capture_alarm_mark();

CREATE TRIGGER zz_capture AFTER UPDATE ON public.cluster_key REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION replication.capture_cluster_key();

CREATE TRIGGER zz_capture AFTER UPDATE ON public.cluster_property REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION replication.capture_cluster_property();

CREATE TRIGGER zz_capture AFTER UPDATE ON public.heartbeat REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION replication.capture_heartbeat();

CREATE TRIGGER zz_capture AFTER UPDATE ON public.key REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION replication.capture_key();

CREATE TRIGGER zz_capture AFTER UPDATE ON public.lane_beat REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION replication.capture_lane_beat();

CREATE TRIGGER zz_capture AFTER UPDATE ON public.node REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION replication.capture_node();

CREATE TRIGGER zz_capture AFTER UPDATE ON public.node_certificate REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION replication.capture_node_certificate();

CREATE TRIGGER zz_capture AFTER UPDATE ON public.node_version REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION replication.capture_node_version();

CREATE TRIGGER zz_capture AFTER UPDATE ON public.node_view REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION replication.capture_node_view();

CREATE TRIGGER zz_capture AFTER UPDATE ON public.syslog REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION replication.capture_syslog();

CREATE TRIGGER zz_not_yet_update_unexportable BEFORE UPDATE ON public.key FOR EACH ROW WHEN ((new.unexportable IS DISTINCT FROM old.unexportable)) EXECUTE FUNCTION replication.refuse_not_yet('public.key.unexportable');

CREATE TRIGGER zz_refuse_truncate BEFORE TRUNCATE ON public.account FOR EACH STATEMENT EXECUTE FUNCTION replication.refuse_truncate();

CREATE TRIGGER zz_refuse_truncate BEFORE TRUNCATE ON public.alarm FOR EACH STATEMENT EXECUTE FUNCTION replication.refuse_truncate();

CREATE TRIGGER zz_refuse_truncate BEFORE TRUNCATE ON public.alarm_mark FOR EACH STATEMENT EXECUTE FUNCTION replication.refuse_truncate();

CREATE TRIGGER zz_refuse_truncate BEFORE TRUNCATE ON public.cluster_key FOR EACH STATEMENT EXECUTE FUNCTION replication.refuse_truncate();

CREATE TRIGGER zz_refuse_truncate BEFORE TRUNCATE ON public.cluster_property FOR EACH STATEMENT EXECUTE FUNCTION replication.refuse_truncate();

CREATE TRIGGER zz_refuse_truncate BEFORE TRUNCATE ON public.heartbeat FOR EACH STATEMENT EXECUTE FUNCTION replication.refuse_truncate();

CREATE TRIGGER zz_refuse_truncate BEFORE TRUNCATE ON public.key FOR EACH STATEMENT EXECUTE FUNCTION replication.refuse_truncate();

CREATE TRIGGER zz_refuse_truncate BEFORE TRUNCATE ON public.lane_beat FOR EACH STATEMENT EXECUTE FUNCTION replication.refuse_truncate();

CREATE TRIGGER zz_refuse_truncate BEFORE TRUNCATE ON public.node FOR EACH STATEMENT EXECUTE FUNCTION replication.refuse_truncate();

CREATE TRIGGER zz_refuse_truncate BEFORE TRUNCATE ON public.node_certificate FOR EACH STATEMENT EXECUTE FUNCTION replication.refuse_truncate();

CREATE TRIGGER zz_refuse_truncate BEFORE TRUNCATE ON public.node_version FOR EACH STATEMENT EXECUTE FUNCTION replication.refuse_truncate();

CREATE TRIGGER zz_refuse_truncate BEFORE TRUNCATE ON public.node_view FOR EACH STATEMENT EXECUTE FUNCTION replication.refuse_truncate();

CREATE TRIGGER zz_refuse_truncate BEFORE TRUNCATE ON public.syslog FOR EACH STATEMENT EXECUTE FUNCTION replication.refuse_truncate();

CREATE TRIGGER zz_stamp_insert BEFORE INSERT ON public.account FOR EACH ROW EXECUTE FUNCTION replication.stamp_insert_account();

CREATE TRIGGER zz_stamp_insert BEFORE INSERT ON public.alarm FOR EACH ROW EXECUTE FUNCTION replication.stamp_insert_alarm();

CREATE TRIGGER zz_stamp_insert BEFORE INSERT ON public.alarm_mark FOR EACH ROW EXECUTE FUNCTION replication.stamp_insert_alarm_mark();

CREATE TRIGGER zz_stamp_insert BEFORE INSERT ON public.cluster_key FOR EACH ROW EXECUTE FUNCTION replication.stamp_insert_cluster_key();

CREATE TRIGGER zz_stamp_insert BEFORE INSERT ON public.cluster_property FOR EACH ROW EXECUTE FUNCTION replication.stamp_insert_cluster_property();

CREATE TRIGGER zz_stamp_insert BEFORE INSERT ON public.heartbeat FOR EACH ROW EXECUTE FUNCTION replication.stamp_insert_heartbeat();

CREATE TRIGGER zz_stamp_insert BEFORE INSERT ON public.key FOR EACH ROW EXECUTE FUNCTION replication.stamp_insert_key();

CREATE TRIGGER zz_stamp_insert BEFORE INSERT ON public.lane_beat FOR EACH ROW EXECUTE FUNCTION replication.stamp_insert_lane_beat();

CREATE TRIGGER zz_stamp_insert BEFORE INSERT ON public.node FOR EACH ROW EXECUTE FUNCTION replication.stamp_insert_node();

CREATE TRIGGER zz_stamp_insert BEFORE INSERT ON public.node_certificate FOR EACH ROW EXECUTE FUNCTION replication.stamp_insert_node_certificate();

CREATE TRIGGER zz_stamp_insert BEFORE INSERT ON public.node_version FOR EACH ROW EXECUTE FUNCTION replication.stamp_insert_node_version();

CREATE TRIGGER zz_stamp_insert BEFORE INSERT ON public.node_view FOR EACH ROW EXECUTE FUNCTION replication.stamp_insert_node_view();

CREATE TRIGGER zz_stamp_insert BEFORE INSERT ON public.syslog FOR EACH ROW EXECUTE FUNCTION replication.stamp_insert_syslog();

CREATE TRIGGER zz_stamp_update BEFORE UPDATE ON public.account FOR EACH ROW EXECUTE FUNCTION replication.stamp_update_account();

CREATE TRIGGER zz_stamp_update BEFORE UPDATE ON public.alarm FOR EACH ROW EXECUTE FUNCTION replication.stamp_update_alarm();

CREATE TRIGGER zz_stamp_update BEFORE UPDATE ON public.alarm_mark FOR EACH ROW EXECUTE FUNCTION replication.stamp_update_alarm_mark();

CREATE TRIGGER zz_stamp_update BEFORE UPDATE ON public.cluster_key FOR EACH ROW EXECUTE FUNCTION replication.stamp_update_cluster_key();

CREATE TRIGGER zz_stamp_update BEFORE UPDATE ON public.cluster_property FOR EACH ROW EXECUTE FUNCTION replication.stamp_update_cluster_property();

CREATE TRIGGER zz_stamp_update BEFORE UPDATE ON public.heartbeat FOR EACH ROW EXECUTE FUNCTION replication.stamp_update_heartbeat();

CREATE TRIGGER zz_stamp_update BEFORE UPDATE ON public.key FOR EACH ROW EXECUTE FUNCTION replication.stamp_update_key();

CREATE TRIGGER zz_stamp_update BEFORE UPDATE ON public.lane_beat FOR EACH ROW EXECUTE FUNCTION replication.stamp_update_lane_beat();

CREATE TRIGGER zz_stamp_update BEFORE UPDATE ON public.node FOR EACH ROW EXECUTE FUNCTION replication.stamp_update_node();

CREATE TRIGGER zz_stamp_update BEFORE UPDATE ON public.node_certificate FOR EACH ROW EXECUTE FUNCTION replication.stamp_update_node_certificate();

CREATE TRIGGER zz_stamp_update BEFORE UPDATE ON public.node_version FOR EACH ROW EXECUTE FUNCTION replication.stamp_update_node_version();

CREATE TRIGGER zz_stamp_update BEFORE UPDATE ON public.node_view FOR EACH ROW EXECUTE FUNCTION replication.stamp_update_node_view();

CREATE TRIGGER zz_stamp_update BEFORE UPDATE ON public.syslog FOR EACH ROW EXECUTE FUNCTION replication.stamp_update_syslog();

CREATE TRIGGER grant_what_is_new AFTER INSERT ON replication.enlisted FOR EACH ROW EXECUTE FUNCTION replication.grant_what_is_new();

CREATE TRIGGER grant_what_is_new AFTER INSERT ON replication.pending FOR EACH ROW EXECUTE FUNCTION replication.grant_what_is_new();

CREATE TRIGGER hear BEFORE INSERT ON replication.outbox_heartbeat FOR EACH ROW EXECUTE FUNCTION replication.hear();

ALTER TABLE replication.outbox_heartbeat ENABLE REPLICA TRIGGER hear;

CREATE TRIGGER hear BEFORE INSERT ON replication.outbox_lane_beat FOR EACH ROW EXECUTE FUNCTION replication.hear_in_lane();

ALTER TABLE replication.outbox_lane_beat ENABLE REPLICA TRIGGER hear;

CREATE TRIGGER merge BEFORE INSERT ON replication.outbox_account FOR EACH ROW EXECUTE FUNCTION replication.merge_account();

ALTER TABLE replication.outbox_account ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON replication.outbox_alarm FOR EACH ROW EXECUTE FUNCTION replication.merge_alarm();

ALTER TABLE replication.outbox_alarm ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON replication.outbox_alarm_mark FOR EACH ROW EXECUTE FUNCTION replication.merge_alarm_mark();

ALTER TABLE replication.outbox_alarm_mark ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON replication.outbox_cluster_key FOR EACH ROW EXECUTE FUNCTION replication.merge_cluster_key();

ALTER TABLE replication.outbox_cluster_key ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON replication.outbox_cluster_property FOR EACH ROW EXECUTE FUNCTION replication.merge_cluster_property();

ALTER TABLE replication.outbox_cluster_property ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON replication.outbox_heartbeat FOR EACH ROW EXECUTE FUNCTION replication.merge_heartbeat();

ALTER TABLE replication.outbox_heartbeat ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON replication.outbox_key FOR EACH ROW EXECUTE FUNCTION replication.merge_key();

ALTER TABLE replication.outbox_key ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON replication.outbox_lane_beat FOR EACH ROW EXECUTE FUNCTION replication.merge_lane_beat();

ALTER TABLE replication.outbox_lane_beat ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON replication.outbox_node FOR EACH ROW EXECUTE FUNCTION replication.merge_node();

ALTER TABLE replication.outbox_node ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON replication.outbox_node_certificate FOR EACH ROW EXECUTE FUNCTION replication.merge_node_certificate();

ALTER TABLE replication.outbox_node_certificate ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON replication.outbox_node_version FOR EACH ROW EXECUTE FUNCTION replication.merge_node_version();

ALTER TABLE replication.outbox_node_version ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON replication.outbox_node_view FOR EACH ROW EXECUTE FUNCTION replication.merge_node_view();

ALTER TABLE replication.outbox_node_view ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER merge BEFORE INSERT ON replication.outbox_syslog FOR EACH ROW EXECUTE FUNCTION replication.merge_syslog();

ALTER TABLE replication.outbox_syslog ENABLE REPLICA TRIGGER merge;

CREATE TRIGGER refuse_while_fenced BEFORE INSERT OR UPDATE ON replication.lease FOR EACH ROW EXECUTE FUNCTION replication.refuse_while_fenced();

CREATE PUBLICATION keystead WITH (publish = 'insert');

CREATE PUBLICATION keystead_lane_1 WITH (publish = 'insert');

CREATE PUBLICATION keystead_lane_2 WITH (publish = 'insert');

CREATE PUBLICATION keystead_lane_3 WITH (publish = 'insert');

ALTER PUBLICATION keystead ADD TABLE ONLY public.account WHERE ((origin = 1));

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY public.account WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY public.account WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY public.account WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead ADD TABLE ONLY public.alarm WHERE ((origin = 1));

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY public.alarm WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY public.alarm WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY public.alarm WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead ADD TABLE ONLY public.alarm_mark WHERE ((origin = 1));

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY public.alarm_mark WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY public.alarm_mark WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY public.alarm_mark WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead ADD TABLE ONLY public.cluster_key WHERE ((origin = 1));

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY public.cluster_key WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY public.cluster_key WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY public.cluster_key WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead ADD TABLE ONLY public.cluster_property WHERE ((origin = 1));

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY public.cluster_property WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY public.cluster_property WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY public.cluster_property WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead ADD TABLE ONLY public.heartbeat WHERE ((origin = 1));

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY public.heartbeat WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY public.heartbeat WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY public.heartbeat WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead ADD TABLE ONLY public.key WHERE ((origin = 1));

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY public.key WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY public.key WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY public.key WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead ADD TABLE ONLY public.lane_beat WHERE ((origin = 1));

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY public.lane_beat WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY public.lane_beat WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY public.lane_beat WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead ADD TABLE ONLY public.node WHERE ((origin = 1));

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY public.node WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY public.node WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY public.node WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead ADD TABLE ONLY public.node_certificate WHERE ((origin = 1));

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY public.node_certificate WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY public.node_certificate WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY public.node_certificate WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead ADD TABLE ONLY public.node_version WHERE ((origin = 1));

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY public.node_version WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY public.node_version WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY public.node_version WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead ADD TABLE ONLY public.node_view WHERE ((origin = 1));

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY public.node_view WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY public.node_view WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY public.node_view WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead ADD TABLE ONLY public.syslog WHERE ((origin = 1));

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY public.syslog WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY public.syslog WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY public.syslog WHERE (((origin = 1) AND false));

ALTER PUBLICATION keystead ADD TABLE ONLY replication.outbox_account;

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY replication.outbox_account WHERE (false);

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY replication.outbox_account WHERE (false);

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY replication.outbox_account WHERE (false);

ALTER PUBLICATION keystead ADD TABLE ONLY replication.outbox_alarm;

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY replication.outbox_alarm WHERE (false);

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY replication.outbox_alarm WHERE (false);

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY replication.outbox_alarm WHERE (false);

ALTER PUBLICATION keystead ADD TABLE ONLY replication.outbox_alarm_mark;

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY replication.outbox_alarm_mark WHERE (false);

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY replication.outbox_alarm_mark WHERE (false);

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY replication.outbox_alarm_mark WHERE (false);

ALTER PUBLICATION keystead ADD TABLE ONLY replication.outbox_cluster_key;

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY replication.outbox_cluster_key WHERE (false);

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY replication.outbox_cluster_key WHERE (false);

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY replication.outbox_cluster_key WHERE (false);

ALTER PUBLICATION keystead ADD TABLE ONLY replication.outbox_cluster_property;

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY replication.outbox_cluster_property WHERE (false);

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY replication.outbox_cluster_property WHERE (false);

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY replication.outbox_cluster_property WHERE (false);

ALTER PUBLICATION keystead ADD TABLE ONLY replication.outbox_heartbeat;

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY replication.outbox_heartbeat WHERE (false);

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY replication.outbox_heartbeat WHERE (false);

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY replication.outbox_heartbeat WHERE (false);

ALTER PUBLICATION keystead ADD TABLE ONLY replication.outbox_key;

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY replication.outbox_key WHERE (false);

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY replication.outbox_key WHERE (false);

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY replication.outbox_key WHERE (false);

ALTER PUBLICATION keystead ADD TABLE ONLY replication.outbox_lane_beat;

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY replication.outbox_lane_beat WHERE (false);

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY replication.outbox_lane_beat WHERE (false);

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY replication.outbox_lane_beat WHERE (false);

ALTER PUBLICATION keystead ADD TABLE ONLY replication.outbox_node;

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY replication.outbox_node WHERE (false);

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY replication.outbox_node WHERE (false);

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY replication.outbox_node WHERE (false);

ALTER PUBLICATION keystead ADD TABLE ONLY replication.outbox_node_certificate;

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY replication.outbox_node_certificate WHERE (false);

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY replication.outbox_node_certificate WHERE (false);

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY replication.outbox_node_certificate WHERE (false);

ALTER PUBLICATION keystead ADD TABLE ONLY replication.outbox_node_version;

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY replication.outbox_node_version WHERE (false);

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY replication.outbox_node_version WHERE (false);

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY replication.outbox_node_version WHERE (false);

ALTER PUBLICATION keystead ADD TABLE ONLY replication.outbox_node_view;

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY replication.outbox_node_view WHERE (false);

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY replication.outbox_node_view WHERE (false);

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY replication.outbox_node_view WHERE (false);

ALTER PUBLICATION keystead ADD TABLE ONLY replication.outbox_syslog;

ALTER PUBLICATION keystead_lane_1 ADD TABLE ONLY replication.outbox_syslog WHERE (false);

ALTER PUBLICATION keystead_lane_2 ADD TABLE ONLY replication.outbox_syslog WHERE (false);

ALTER PUBLICATION keystead_lane_3 ADD TABLE ONLY replication.outbox_syslog WHERE (false);

GRANT USAGE ON SCHEMA live TO keystead_peer;
GRANT USAGE ON SCHEMA live TO keystead_apply;
GRANT USAGE ON SCHEMA live TO keystead_peer_api;

GRANT USAGE ON SCHEMA peer TO keystead_guest;
GRANT USAGE ON SCHEMA peer TO keystead_peer_api;

REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO keystead_peer;
GRANT USAGE ON SCHEMA public TO keystead_apply;
GRANT USAGE ON SCHEMA public TO keystead_peer_api;

GRANT USAGE ON SCHEMA replication TO keystead_apply;
GRANT USAGE ON SCHEMA replication TO keystead_peer_api;

REVOKE ALL ON LANGUAGE plpgsql FROM PUBLIC;

REVOKE ALL ON FUNCTION peer.answer(call_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION peer.answer(call_id bigint) TO keystead_guest;

REVOKE ALL ON FUNCTION peer.call(kind text, body jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION peer.call(kind text, body jsonb) TO keystead_guest;

REVOKE ALL ON FUNCTION peer.caller_number() FROM PUBLIC;

REVOKE ALL ON FUNCTION peer.confirmed_by(number integer) FROM PUBLIC;
GRANT ALL ON FUNCTION peer.confirmed_by(number integer) TO keystead_peer;

REVOKE ALL ON FUNCTION peer.digest(buckets integer, until bigint, purged_up_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION peer.digest(buckets integer, until bigint, purged_up_to bigint) TO keystead_peer;

REVOKE ALL ON FUNCTION peer.end_lane(ended integer) FROM PUBLIC;
GRANT ALL ON FUNCTION peer.end_lane(ended integer) TO keystead_peer;

REVOKE ALL ON FUNCTION peer.end_lease(lease_holder text) FROM PUBLIC;
GRANT ALL ON FUNCTION peer.end_lease(lease_holder text) TO keystead_peer;

REVOKE ALL ON FUNCTION peer.grant_lease(lease_holder text, seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION peer.grant_lease(lease_holder text, seconds integer) TO keystead_peer;

REVOKE ALL ON FUNCTION peer.heard_of_me() FROM PUBLIC;
GRANT ALL ON FUNCTION peer.heard_of_me() TO keystead_peer;

REVOKE ALL ON FUNCTION peer.keep_changes() FROM PUBLIC;
GRANT ALL ON FUNCTION peer.keep_changes() TO keystead_peer;

REVOKE ALL ON FUNCTION peer.keep_changes_anew() FROM PUBLIC;
GRANT ALL ON FUNCTION peer.keep_changes_anew() TO keystead_peer;

REVOKE ALL ON FUNCTION peer.keep_lane(lane integer) FROM PUBLIC;
GRANT ALL ON FUNCTION peer.keep_lane(lane integer) TO keystead_peer;

REVOKE ALL ON FUNCTION peer.my_lag() FROM PUBLIC;
GRANT ALL ON FUNCTION peer.my_lag() TO keystead_peer;

REVOKE ALL ON FUNCTION peer.past() FROM PUBLIC;
GRANT ALL ON FUNCTION peer.past() TO keystead_peer;

REVOKE ALL ON FUNCTION peer.purged_up_to() FROM PUBLIC;
GRANT ALL ON FUNCTION peer.purged_up_to() TO keystead_peer;

REVOKE ALL ON FUNCTION peer.record_node(lease_holder text, id text, number integer, host text, port integer, public_address text, serial text) FROM PUBLIC;
GRANT ALL ON FUNCTION peer.record_node(lease_holder text, id text, number integer, host text, port integer, public_address text, serial text) TO keystead_peer;

REVOKE ALL ON FUNCTION peer.reserve_number(lease_holder text, number integer) FROM PUBLIC;
GRANT ALL ON FUNCTION peer.reserve_number(lease_holder text, number integer) TO keystead_peer;

REVOKE ALL ON FUNCTION peer.rows_of_buckets(relation text, buckets integer, wanted integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION peer.rows_of_buckets(relation text, buckets integer, wanted integer[]) TO keystead_peer;

REVOKE ALL ON FUNCTION peer.rows_of_keys(relation text, keys jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION peer.rows_of_keys(relation text, keys jsonb) TO keystead_peer;

REVOKE ALL ON FUNCTION peer.slot_kept() FROM PUBLIC;
GRANT ALL ON FUNCTION peer.slot_kept() TO keystead_peer;

REVOKE ALL ON FUNCTION peer.tables() FROM PUBLIC;
GRANT ALL ON FUNCTION peer.tables() TO keystead_peer;

REVOKE ALL ON FUNCTION pg_catalog.cursor_to_xml(cursor refcursor, count integer, nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.cursor_to_xmlschema(cursor refcursor, nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.database_to_xml(nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.database_to_xml_and_xmlschema(nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.database_to_xmlschema(nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_close(integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_creat(integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_create(oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_from_bytea(oid, bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_get(oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_get(oid, bigint, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_lseek(integer, integer, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_lseek64(integer, bigint, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_open(oid, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_put(oid, bigint, bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_tell(integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_tell64(integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_truncate(integer, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_truncate64(integer, bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lo_unlink(oid) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.loread(integer, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.lowrite(integer, bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.path_inter(path, path) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_lock(bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_lock(integer, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_lock_shared(bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_lock_shared(integer, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_unlock(bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_unlock(integer, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_unlock_all() FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_unlock_shared(bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_unlock_shared(integer, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock(bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock(bigint) TO keystead_apply;
GRANT ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock(bigint) TO keystead_peer_api;

REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock(integer, integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock(integer, integer) TO keystead_apply;
GRANT ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock(integer, integer) TO keystead_peer_api;

REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock_shared(bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock_shared(bigint) TO keystead_peer_api;

REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock_shared(integer, integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock_shared(integer, integer) TO keystead_peer_api;

REVOKE ALL ON FUNCTION pg_catalog.pg_copy_logical_replication_slot(src_slot_name name, dst_slot_name name, OUT slot_name name, OUT lsn pg_lsn) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_copy_logical_replication_slot(src_slot_name name, dst_slot_name name, temporary boolean, OUT slot_name name, OUT lsn pg_lsn) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_copy_logical_replication_slot(src_slot_name name, dst_slot_name name, temporary boolean, plugin name, OUT slot_name name, OUT lsn pg_lsn) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_copy_physical_replication_slot(src_slot_name name, dst_slot_name name, OUT slot_name name, OUT lsn pg_lsn) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_copy_physical_replication_slot(src_slot_name name, dst_slot_name name, temporary boolean, OUT slot_name name, OUT lsn pg_lsn) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_create_logical_replication_slot(slot_name name, plugin name, temporary boolean, twophase boolean, OUT slot_name name, OUT lsn pg_lsn) FROM PUBLIC;
GRANT ALL ON FUNCTION pg_catalog.pg_create_logical_replication_slot(slot_name name, plugin name, temporary boolean, twophase boolean, OUT slot_name name, OUT lsn pg_lsn) TO keystead_peer_api;

REVOKE ALL ON FUNCTION pg_catalog.pg_create_physical_replication_slot(slot_name name, immediately_reserve boolean, temporary boolean, OUT slot_name name, OUT lsn pg_lsn) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_drop_replication_slot(name) FROM PUBLIC;
GRANT ALL ON FUNCTION pg_catalog.pg_drop_replication_slot(name) TO keystead_peer_api;

REVOKE ALL ON FUNCTION pg_catalog.pg_export_snapshot() FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_logical_emit_message(boolean, text, bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_logical_emit_message(boolean, text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_logical_slot_get_binary_changes(slot_name name, upto_lsn pg_lsn, upto_nchanges integer, VARIADIC options text[], OUT lsn pg_lsn, OUT xid xid, OUT data bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_logical_slot_get_changes(slot_name name, upto_lsn pg_lsn, upto_nchanges integer, VARIADIC options text[], OUT lsn pg_lsn, OUT xid xid, OUT data text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_logical_slot_peek_binary_changes(slot_name name, upto_lsn pg_lsn, upto_nchanges integer, VARIADIC options text[], OUT lsn pg_lsn, OUT xid xid, OUT data bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_logical_slot_peek_changes(slot_name name, upto_lsn pg_lsn, upto_nchanges integer, VARIADIC options text[], OUT lsn pg_lsn, OUT xid xid, OUT data text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_notify(text, text) FROM PUBLIC;
GRANT ALL ON FUNCTION pg_catalog.pg_notify(text, text) TO keystead_apply;
GRANT ALL ON FUNCTION pg_catalog.pg_notify(text, text) TO keystead_peer_api;

REVOKE ALL ON FUNCTION pg_catalog.pg_read_file_old(text, bigint, bigint) FROM PUBLIC;

GRANT ALL ON FUNCTION pg_catalog.pg_replication_origin_session_is_setup() TO keystead_apply;

REVOKE ALL ON FUNCTION pg_catalog.pg_replication_slot_advance(slot_name name, upto_lsn pg_lsn, OUT slot_name name, OUT end_lsn pg_lsn) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_sleep(double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION pg_catalog.pg_sleep(double precision) TO keystead_peer_api;

REVOKE ALL ON FUNCTION pg_catalog.pg_sleep_for(interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_sleep_until(timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_lock(bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_lock(integer, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_lock_shared(bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_lock_shared(integer, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_xact_lock(bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_xact_lock(integer, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_xact_lock_shared(bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_xact_lock_shared(integer, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_above(polygon, polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_below(polygon, polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_center(polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_contain(polygon, polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_contain_pt(polygon, point) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_contained(polygon, polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_distance(polygon, polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_in(cstring) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_left(polygon, polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_npoints(polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_out(polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_overabove(polygon, polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_overbelow(polygon, polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_overlap(polygon, polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_overleft(polygon, polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_overright(polygon, polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_recv(internal) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_right(polygon, polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_same(polygon, polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.poly_send(polygon) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.query_to_xml(query text, nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.query_to_xml_and_xmlschema(query text, nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.query_to_xmlschema(query text, nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.schema_to_xml(schema name, nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.schema_to_xml_and_xmlschema(schema name, nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.schema_to_xmlschema(schema name, nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.table_to_xml(tbl regclass, nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.table_to_xml_and_xmlschema(tbl regclass, nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.table_to_xmlschema(tbl regclass, nulls boolean, tableforest boolean, targetns text) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.xpath(text, xml) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.xpath(text, xml, text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.xpath_exists(text, xml) FROM PUBLIC;

REVOKE ALL ON FUNCTION pg_catalog.xpath_exists(text, xml, text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.alarm_id(kind text, subject text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.alarm_id(kind text, subject text) TO keystead_apply;

GRANT SELECT ON TABLE public.key TO keystead_peer;
GRANT SELECT,INSERT ON TABLE public.key TO keystead_apply;

GRANT UPDATE(id) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(name) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(state) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(algorithm) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(size) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(usage_mask) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(description) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(unexportable) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(undeletable) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(fingerprint) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(material_version) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(epoch) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(wrapped) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(activation_date) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(created_at) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(updated_at) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(version_of) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(version) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(origin) ON TABLE public.key TO keystead_apply;

GRANT UPDATE(deleted) ON TABLE public.key TO keystead_apply;

REVOKE ALL ON FUNCTION public.change_key(key_id text, new_name text, new_description text, new_usage_mask integer, new_unexportable boolean, new_undeletable boolean, OUT taken boolean, OUT fixed boolean, OUT changed public.key) FROM PUBLIC;
GRANT ALL ON FUNCTION public.change_key(key_id text, new_name text, new_description text, new_usage_mask integer, new_unexportable boolean, new_undeletable boolean, OUT taken boolean, OUT fixed boolean, OUT changed public.key) TO keystead_apply;

GRANT SELECT ON TABLE public.account TO keystead_peer;
GRANT SELECT,INSERT ON TABLE public.account TO keystead_apply;

GRANT UPDATE(id) ON TABLE public.account TO keystead_apply;

GRANT UPDATE(username) ON TABLE public.account TO keystead_apply;

GRANT UPDATE(password_hash) ON TABLE public.account TO keystead_apply;

GRANT UPDATE(password_change_required) ON TABLE public.account TO keystead_apply;

GRANT UPDATE(password_changed_at) ON TABLE public.account TO keystead_apply;

GRANT UPDATE(created_at) ON TABLE public.account TO keystead_apply;

GRANT UPDATE(updated_at) ON TABLE public.account TO keystead_apply;

GRANT UPDATE(version) ON TABLE public.account TO keystead_apply;

GRANT UPDATE(origin) ON TABLE public.account TO keystead_apply;

GRANT UPDATE(deleted) ON TABLE public.account TO keystead_apply;

REVOKE ALL ON FUNCTION public.create_account(new_account public.account) FROM PUBLIC;
GRANT ALL ON FUNCTION public.create_account(new_account public.account) TO keystead_apply;

REVOKE ALL ON FUNCTION public.create_key(new_key public.key) FROM PUBLIC;
GRANT ALL ON FUNCTION public.create_key(new_key public.key) TO keystead_apply;

REVOKE ALL ON FUNCTION public.create_version(new_key public.key, after_id text, after_version bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.create_version(new_key public.key, after_id text, after_version bigint) TO keystead_apply;

REVOKE ALL ON FUNCTION public.drop_material() FROM PUBLIC;
GRANT ALL ON FUNCTION public.drop_material() TO keystead_apply;

REVOKE ALL ON FUNCTION public.join_key_state(a public.key_state, b public.key_state) FROM PUBLIC;
GRANT ALL ON FUNCTION public.join_key_state(a public.key_state, b public.key_state) TO keystead_apply;

REVOKE ALL ON FUNCTION public.key_is_named(new_name text, but_not text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.key_is_named(new_name text, but_not text) TO keystead_apply;

REVOKE ALL ON FUNCTION public.newest_version(first text, number integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.newest_version(first text, number integer) TO keystead_apply;

REVOKE ALL ON FUNCTION public.tell_account_changed() FROM PUBLIC;
GRANT ALL ON FUNCTION public.tell_account_changed() TO keystead_apply;

REVOKE ALL ON FUNCTION public.tell_node_changed() FROM PUBLIC;
GRANT ALL ON FUNCTION public.tell_node_changed() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.add_column(relation regclass, column_name text, type regtype, since integer, default_value text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.add_column(relation regclass, column_name text, type regtype, since integer, default_value text) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.arrive_account() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.arrive_account() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.arrive_alarm() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.arrive_alarm() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.arrive_alarm_mark() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.arrive_alarm_mark() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.arrive_cluster_key() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.arrive_cluster_key() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.arrive_cluster_property() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.arrive_cluster_property() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.arrive_heartbeat() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.arrive_heartbeat() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.arrive_key() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.arrive_key() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.arrive_lane_beat() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.arrive_lane_beat() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.arrive_node() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.arrive_node() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.arrive_node_certificate() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.arrive_node_certificate() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.arrive_node_version() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.arrive_node_version() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.arrive_node_view() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.arrive_node_view() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.arrive_syslog() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.arrive_syslog() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.barrier_time() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.barrier_time() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.beat(number integer, at bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.beat(number integer, at bigint) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.beat_in_lane(beating_lane integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.beat_in_lane(beating_lane integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.become_node(number integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.become_node(number integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.begin_heartbeat(OUT at bigint, OUT xid bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.begin_heartbeat(OUT at bigint, OUT xid bigint) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.broken(relation text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.broken(relation text) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.bury_account() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.bury_account() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.bury_alarm() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.bury_alarm() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.bury_alarm_mark() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.bury_alarm_mark() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.bury_cluster_key() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.bury_cluster_key() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.bury_cluster_property() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.bury_cluster_property() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.bury_heartbeat() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.bury_heartbeat() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.bury_key() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.bury_key() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.bury_lane_beat() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.bury_lane_beat() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.bury_node() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.bury_node() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.bury_node_certificate() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.bury_node_certificate() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.bury_node_version() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.bury_node_version() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.bury_node_view() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.bury_node_view() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.bury_syslog() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.bury_syslog() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.capture_account() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.capture_account() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.capture_alarm() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.capture_alarm() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.capture_alarm_mark() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.capture_alarm_mark() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.capture_cluster_key() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.capture_cluster_key() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.capture_cluster_property() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.capture_cluster_property() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.capture_heartbeat() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.capture_heartbeat() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.capture_key() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.capture_key() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.capture_lane_beat() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.capture_lane_beat() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.capture_node() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.capture_node() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.capture_node_certificate() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.capture_node_certificate() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.capture_node_version() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.capture_node_version() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.capture_node_view() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.capture_node_view() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.capture_syslog() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.capture_syslog() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.carried(lane integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.carried(lane integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.check_enlistable(relation regclass) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.check_enlistable(relation regclass) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.continue_from(purged_up_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.continue_from(purged_up_to bigint) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.digest(buckets integer, until bigint, purged_up_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.digest(buckets integer, until bigint, purged_up_to bigint) TO keystead_apply;
GRANT ALL ON FUNCTION replication.digest(buckets integer, until bigint, purged_up_to bigint) TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.empty_outboxes(larger_than bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.empty_outboxes(larger_than bigint) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.end_run() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.end_run() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.enforce_rules(known integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.enforce_rules(known integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.enlist(relation regclass, merges jsonb, digested boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.enlist(relation regclass, merges jsonb, digested boolean) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.enlist_later(relation regclass, since integer, merges jsonb, digested boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.enlist_later(relation regclass, since integer, merges jsonb, digested boolean) TO keystead_apply;

GRANT SELECT ON TABLE replication.enlisted TO keystead_apply;
GRANT SELECT ON TABLE replication.enlisted TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.enlisted_table(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.enlisted_table(name text) TO keystead_apply;
GRANT ALL ON FUNCTION replication.enlisted_table(name text) TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.grant_enlisted(e replication.enlisted) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.grant_enlisted(e replication.enlisted) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.grant_what_is_new() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.grant_what_is_new() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.hand_over(subscription text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.hand_over(subscription text) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.has_come(of_node integer, beats bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.has_come(of_node integer, beats bigint[]) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.hashed_columns(t replication.enlisted) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.hashed_columns(t replication.enlisted) TO keystead_apply;
GRANT ALL ON FUNCTION replication.hashed_columns(t replication.enlisted) TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.hear() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.hear() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.hear_in_lane() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.hear_in_lane() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.hear_promised() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.hear_promised() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.heard(of_node integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.heard(of_node integer) TO keystead_apply;
GRANT ALL ON FUNCTION replication.heard(of_node integer) TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.highest_number() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.highest_number() TO keystead_apply;
GRANT ALL ON FUNCTION replication.highest_number() TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.in_lane(version bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.in_lane(version bigint) TO keystead_apply;
GRANT ALL ON FUNCTION replication.in_lane(version bigint) TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.is_anothers(number integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.is_anothers(number integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.judged_one_in() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.judged_one_in() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.keep_lanes(reader integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.keep_lanes(reader integer) TO keystead_apply;
GRANT ALL ON FUNCTION replication.keep_lanes(reader integer) TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.lane() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.lane() TO keystead_apply;
GRANT ALL ON FUNCTION replication.lane() TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.lane_beats(of_node integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.lane_beats(of_node integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.lanes() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.lanes() TO keystead_apply;
GRANT ALL ON FUNCTION replication.lanes() TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.let_go(slot text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.let_go(slot text) TO keystead_apply;
GRANT ALL ON FUNCTION replication.let_go(slot text) TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.limit_role(role text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.limit_role(role text) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.list(columns text[], prefix text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.list(columns text[], prefix text) TO keystead_apply;
GRANT ALL ON FUNCTION replication.list(columns text[], prefix text) TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.lock_promised(of_node integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.lock_promised(of_node integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.look_from_now_on(version bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.look_from_now_on(version bigint) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.make_anew(e replication.enlisted) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.make_anew(e replication.enlisted) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.make_arrival(relation text, name text, cols text[], keys text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.make_arrival(relation text, name text, cols text[], keys text[]) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.make_capture(name text, cols text[], keys text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.make_capture(name text, cols text[], keys text[]) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.make_merge(relation text, name text, cols text[], keys text[], merges jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.make_merge(relation text, name text, cols text[], keys text[], merges jsonb) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.make_stamps(relation text, name text, cols text[], keys text[], merges jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.make_stamps(relation text, name text, cols text[], keys text[], merges jsonb) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.make_triggers(relation text, name text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.make_triggers(relation text, name text) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.members_without(up_to bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.members_without(up_to bigint) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_account() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_account() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_alarm() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_alarm() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_alarm_mark() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_alarm_mark() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_cluster_key() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_cluster_key() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_cluster_property() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_cluster_property() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_heartbeat() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_heartbeat() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_key() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_key() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_lane_beat() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_lane_beat() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_node() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_node() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_node_certificate() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_node_certificate() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_node_version() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_node_version() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_node_view() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_node_view() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_of_older(relation text, keys text[], merges jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_of_older(relation text, keys text[], merges jsonb) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_staged(relation text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_staged(relation text) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.merge_syslog() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.merge_syslog() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.miss(peer_number integer, had bigint, came bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.miss(peer_number integer, had bigint, came bigint) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.notify(channel text, payload text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.notify(channel text, payload text) TO keystead_apply;
GRANT ALL ON FUNCTION replication.notify(channel text, payload text) TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.orphans(above bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.orphans(above bigint) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.past() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.past() TO keystead_apply;
GRANT ALL ON FUNCTION replication.past() TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.pending_columns(relation text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.pending_columns(relation text) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.publication(lane integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.publication(lane integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.publish() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.publish() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.purge(up_to bigint, at_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.purge(up_to bigint, at_most integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.reading_of(relation text, keys jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.reading_of(relation text, keys jsonb) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.refuse_not_yet() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.refuse_not_yet() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.refuse_truncate() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.refuse_truncate() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.refuse_while_fenced() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.refuse_while_fenced() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.remember(run text, beat bigint, version bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.remember(run text, beat bigint, version bigint) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.resynced(peer_number integer, newest jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.resynced(peer_number integer, newest jsonb) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.row_columns(t replication.enlisted) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.row_columns(t replication.enlisted) TO keystead_apply;
GRANT ALL ON FUNCTION replication.row_columns(t replication.enlisted) TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.rows_with_keys(t replication.enlisted) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.rows_with_keys(t replication.enlisted) TO keystead_apply;
GRANT ALL ON FUNCTION replication.rows_with_keys(t replication.enlisted) TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.send_again(relation text, keys jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.send_again(relation text, keys jsonb) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.send_in_lanes(number integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.send_in_lanes(number integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.send_pending(up_to integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.send_pending(up_to integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.send_rows_of(writer integer, above bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.send_rows_of(writer integer, above bigint) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.sender() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.sender() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.set_aside(relation text, key text, origin integer, version bigint, content jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.set_aside(relation text, key text, origin integer, version bigint, content jsonb) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.set_lanes(number integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.set_lanes(number integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.setting_aside(relation text, keys text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.setting_aside(relation text, keys text[]) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.slot_for(number integer, lane integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.slot_for(number integer, lane integer) TO keystead_apply;
GRANT ALL ON FUNCTION replication.slot_for(number integer, lane integer) TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.spread_sequences() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.spread_sequences() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stage(relation text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stage(relation text) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.staged(relation text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.staged(relation text) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_insert_account() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_insert_account() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_insert_alarm() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_insert_alarm() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_insert_alarm_mark() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_insert_alarm_mark() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_insert_cluster_key() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_insert_cluster_key() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_insert_cluster_property() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_insert_cluster_property() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_insert_heartbeat() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_insert_heartbeat() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_insert_key() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_insert_key() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_insert_lane_beat() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_insert_lane_beat() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_insert_node() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_insert_node() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_insert_node_certificate() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_insert_node_certificate() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_insert_node_version() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_insert_node_version() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_insert_node_view() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_insert_node_view() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_insert_syslog() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_insert_syslog() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_of_revived(relation text, name text, keys text[], merges jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_of_revived(relation text, name text, keys text[], merges jsonb) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_update_account() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_update_account() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_update_alarm() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_update_alarm() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_update_alarm_mark() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_update_alarm_mark() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_update_cluster_key() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_update_cluster_key() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_update_cluster_property() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_update_cluster_property() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_update_heartbeat() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_update_heartbeat() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_update_key() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_update_key() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_update_lane_beat() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_update_lane_beat() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_update_node() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_update_node() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_update_node_certificate() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_update_node_certificate() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_update_node_version() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_update_node_version() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_update_node_view() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_update_node_view() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.stamp_update_syslog() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.stamp_update_syslog() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.take(relation text) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.take(relation text) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.this_node() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.this_node() TO keystead_apply;
GRANT ALL ON FUNCTION replication.this_node() TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.touch(relation text, keys jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.touch(relation text, keys jsonb) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.unbury_account(public.account) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.unbury_account(public.account) TO keystead_apply;

GRANT SELECT ON TABLE public.alarm TO keystead_peer;
GRANT SELECT,INSERT ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(id) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(node) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(source) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(kind) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(name) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(subject) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(severity) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(description) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(raised) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(episode) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(triggered_at) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(told_at) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(cleared_at) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(version) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(origin) ON TABLE public.alarm TO keystead_apply;

GRANT UPDATE(deleted) ON TABLE public.alarm TO keystead_apply;

REVOKE ALL ON FUNCTION replication.unbury_alarm(public.alarm) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.unbury_alarm(public.alarm) TO keystead_apply;

GRANT SELECT ON TABLE public.alarm_mark TO keystead_peer;
GRANT SELECT,INSERT ON TABLE public.alarm_mark TO keystead_apply;

GRANT UPDATE(alarm) ON TABLE public.alarm_mark TO keystead_apply;

GRANT UPDATE(episode) ON TABLE public.alarm_mark TO keystead_apply;

GRANT UPDATE(kind) ON TABLE public.alarm_mark TO keystead_apply;

GRANT UPDATE(account) ON TABLE public.alarm_mark TO keystead_apply;

GRANT UPDATE(at) ON TABLE public.alarm_mark TO keystead_apply;

GRANT UPDATE(version) ON TABLE public.alarm_mark TO keystead_apply;

GRANT UPDATE(origin) ON TABLE public.alarm_mark TO keystead_apply;

GRANT UPDATE(deleted) ON TABLE public.alarm_mark TO keystead_apply;

REVOKE ALL ON FUNCTION replication.unbury_alarm_mark(public.alarm_mark) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.unbury_alarm_mark(public.alarm_mark) TO keystead_apply;

GRANT SELECT ON TABLE public.cluster_key TO keystead_peer;
GRANT SELECT,INSERT ON TABLE public.cluster_key TO keystead_apply;

GRANT UPDATE(name) ON TABLE public.cluster_key TO keystead_apply;

GRANT UPDATE(public) ON TABLE public.cluster_key TO keystead_apply;

GRANT UPDATE(wrapped) ON TABLE public.cluster_key TO keystead_apply;

GRANT UPDATE(version) ON TABLE public.cluster_key TO keystead_apply;

GRANT UPDATE(origin) ON TABLE public.cluster_key TO keystead_apply;

GRANT UPDATE(deleted) ON TABLE public.cluster_key TO keystead_apply;

REVOKE ALL ON FUNCTION replication.unbury_cluster_key(public.cluster_key) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.unbury_cluster_key(public.cluster_key) TO keystead_apply;

GRANT SELECT ON TABLE public.cluster_property TO keystead_peer;
GRANT SELECT,INSERT ON TABLE public.cluster_property TO keystead_apply;

GRANT UPDATE(name) ON TABLE public.cluster_property TO keystead_apply;

GRANT UPDATE(value) ON TABLE public.cluster_property TO keystead_apply;

GRANT UPDATE(version) ON TABLE public.cluster_property TO keystead_apply;

GRANT UPDATE(origin) ON TABLE public.cluster_property TO keystead_apply;

GRANT UPDATE(deleted) ON TABLE public.cluster_property TO keystead_apply;

REVOKE ALL ON FUNCTION replication.unbury_cluster_property(public.cluster_property) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.unbury_cluster_property(public.cluster_property) TO keystead_apply;

GRANT SELECT ON TABLE public.heartbeat TO keystead_peer;
GRANT SELECT,INSERT ON TABLE public.heartbeat TO keystead_apply;

GRANT UPDATE(number) ON TABLE public.heartbeat TO keystead_apply;

GRANT UPDATE(at) ON TABLE public.heartbeat TO keystead_apply;

GRANT UPDATE(seen) ON TABLE public.heartbeat TO keystead_apply;

GRANT UPDATE(beat) ON TABLE public.heartbeat TO keystead_apply;

GRANT UPDATE(run) ON TABLE public.heartbeat TO keystead_apply;

GRANT UPDATE(began) ON TABLE public.heartbeat TO keystead_apply;

GRANT UPDATE(lanes) ON TABLE public.heartbeat TO keystead_apply;

GRANT UPDATE(lane_beats) ON TABLE public.heartbeat TO keystead_apply;

GRANT UPDATE(version) ON TABLE public.heartbeat TO keystead_apply;

GRANT UPDATE(origin) ON TABLE public.heartbeat TO keystead_apply;

GRANT UPDATE(deleted) ON TABLE public.heartbeat TO keystead_apply;

REVOKE ALL ON FUNCTION replication.unbury_heartbeat(public.heartbeat) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.unbury_heartbeat(public.heartbeat) TO keystead_apply;

GRANT SELECT ON TABLE public.lane_beat TO keystead_peer;
GRANT SELECT,INSERT ON TABLE public.lane_beat TO keystead_apply;

GRANT UPDATE(number) ON TABLE public.lane_beat TO keystead_apply;

GRANT UPDATE(lane) ON TABLE public.lane_beat TO keystead_apply;

GRANT UPDATE(beat) ON TABLE public.lane_beat TO keystead_apply;

GRANT UPDATE(version) ON TABLE public.lane_beat TO keystead_apply;

GRANT UPDATE(origin) ON TABLE public.lane_beat TO keystead_apply;

GRANT UPDATE(deleted) ON TABLE public.lane_beat TO keystead_apply;

REVOKE ALL ON FUNCTION replication.unbury_lane_beat(public.lane_beat) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.unbury_lane_beat(public.lane_beat) TO keystead_apply;

GRANT SELECT ON TABLE public.node TO keystead_peer;
GRANT SELECT,INSERT ON TABLE public.node TO keystead_apply;
GRANT INSERT ON TABLE public.node TO keystead_peer_api;

GRANT UPDATE(id) ON TABLE public.node TO keystead_apply;

GRANT UPDATE(number) ON TABLE public.node TO keystead_apply;

GRANT UPDATE(host) ON TABLE public.node TO keystead_apply;

GRANT UPDATE(port) ON TABLE public.node TO keystead_apply;

GRANT UPDATE(public_address) ON TABLE public.node TO keystead_apply;

GRANT UPDATE(state) ON TABLE public.node TO keystead_apply;

GRANT UPDATE(stage) ON TABLE public.node TO keystead_apply;

GRANT UPDATE(serial) ON TABLE public.node TO keystead_apply;

GRANT UPDATE(joined_at) ON TABLE public.node TO keystead_apply;

GRANT UPDATE(version) ON TABLE public.node TO keystead_apply;

GRANT UPDATE(origin) ON TABLE public.node TO keystead_apply;

GRANT UPDATE(deleted) ON TABLE public.node TO keystead_apply;

REVOKE ALL ON FUNCTION replication.unbury_node(public.node) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.unbury_node(public.node) TO keystead_apply;

GRANT SELECT ON TABLE public.node_certificate TO keystead_peer;
GRANT SELECT,INSERT ON TABLE public.node_certificate TO keystead_apply;

GRANT UPDATE(node) ON TABLE public.node_certificate TO keystead_apply;

GRANT UPDATE(document) ON TABLE public.node_certificate TO keystead_apply;

GRANT UPDATE(version) ON TABLE public.node_certificate TO keystead_apply;

GRANT UPDATE(origin) ON TABLE public.node_certificate TO keystead_apply;

GRANT UPDATE(deleted) ON TABLE public.node_certificate TO keystead_apply;

REVOKE ALL ON FUNCTION replication.unbury_node_certificate(public.node_certificate) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.unbury_node_certificate(public.node_certificate) TO keystead_apply;

GRANT SELECT ON TABLE public.node_version TO keystead_peer;
GRANT SELECT,INSERT ON TABLE public.node_version TO keystead_apply;

GRANT UPDATE(number) ON TABLE public.node_version TO keystead_apply;

GRANT UPDATE(product) ON TABLE public.node_version TO keystead_apply;

GRANT UPDATE(schema) ON TABLE public.node_version TO keystead_apply;

GRANT UPDATE(sends) ON TABLE public.node_version TO keystead_apply;

GRANT UPDATE(takes) ON TABLE public.node_version TO keystead_apply;

GRANT UPDATE(version) ON TABLE public.node_version TO keystead_apply;

GRANT UPDATE(origin) ON TABLE public.node_version TO keystead_apply;

GRANT UPDATE(deleted) ON TABLE public.node_version TO keystead_apply;

REVOKE ALL ON FUNCTION replication.unbury_node_version(public.node_version) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.unbury_node_version(public.node_version) TO keystead_apply;

GRANT SELECT ON TABLE public.node_view TO keystead_peer;
GRANT SELECT,INSERT ON TABLE public.node_view TO keystead_apply;

GRANT UPDATE(viewer) ON TABLE public.node_view TO keystead_apply;

GRANT UPDATE(document) ON TABLE public.node_view TO keystead_apply;

GRANT UPDATE(version) ON TABLE public.node_view TO keystead_apply;

GRANT UPDATE(origin) ON TABLE public.node_view TO keystead_apply;

GRANT UPDATE(deleted) ON TABLE public.node_view TO keystead_apply;

REVOKE ALL ON FUNCTION replication.unbury_node_view(public.node_view) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.unbury_node_view(public.node_view) TO keystead_apply;

GRANT SELECT ON TABLE public.syslog TO keystead_peer;
GRANT SELECT,INSERT ON TABLE public.syslog TO keystead_apply;

GRANT UPDATE(id) ON TABLE public.syslog TO keystead_apply;

GRANT UPDATE(host) ON TABLE public.syslog TO keystead_apply;

GRANT UPDATE(port) ON TABLE public.syslog TO keystead_apply;

GRANT UPDATE(transport) ON TABLE public.syslog TO keystead_apply;

GRANT UPDATE(format) ON TABLE public.syslog TO keystead_apply;

GRANT UPDATE(ca_cert) ON TABLE public.syslog TO keystead_apply;

GRANT UPDATE(created_at) ON TABLE public.syslog TO keystead_apply;

GRANT UPDATE(updated_at) ON TABLE public.syslog TO keystead_apply;

GRANT UPDATE(version) ON TABLE public.syslog TO keystead_apply;

GRANT UPDATE(origin) ON TABLE public.syslog TO keystead_apply;

GRANT UPDATE(deleted) ON TABLE public.syslog TO keystead_apply;

REVOKE ALL ON FUNCTION replication.unbury_syslog(public.syslog) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.unbury_syslog(public.syslog) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.use_pending(up_to integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.use_pending(up_to integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.version_now() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.version_now() TO keystead_apply;
GRANT ALL ON FUNCTION replication.version_now() TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.wait_for_members(patience interval) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.wait_for_members(patience interval) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.wait_for_peers(peers integer) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.wait_for_peers(peers integer) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.wanted_lanes() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.wanted_lanes() TO keystead_apply;
GRANT ALL ON FUNCTION replication.wanted_lanes() TO keystead_peer_api;

REVOKE ALL ON FUNCTION replication.watch_slots() FROM PUBLIC;
GRANT ALL ON FUNCTION replication.watch_slots() TO keystead_apply;

REVOKE ALL ON FUNCTION replication.without(columns text[], left_out text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.without(columns text[], left_out text[]) TO keystead_apply;

REVOKE ALL ON FUNCTION replication.written_from(times bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION replication.written_from(times bigint[]) TO keystead_apply;

GRANT SELECT ON TABLE live.cluster_property TO keystead_peer_api;

GRANT SELECT ON TABLE live.heartbeat TO keystead_peer;

GRANT SELECT ON TABLE live.node TO keystead_peer;

GRANT SELECT ON TABLE public.alarm_state TO keystead_peer;

GRANT SELECT ON TABLE public.name_clash TO keystead_peer;

GRANT SELECT ON TABLE public.restored TO keystead_peer;

GRANT SELECT,INSERT,UPDATE ON TABLE replication.bad_row TO keystead_apply;

GRANT SELECT,INSERT,DELETE ON TABLE replication.call TO keystead_peer_api;

GRANT SELECT ON TABLE replication.fence TO keystead_peer_api;

GRANT SELECT ON SEQUENCE replication.floor TO keystead_apply;
GRANT SELECT ON SEQUENCE replication.floor TO keystead_peer_api;

GRANT SELECT ON TABLE replication.kept TO keystead_peer_api;

GRANT SELECT,INSERT,UPDATE ON TABLE replication.lease TO keystead_peer_api;

GRANT SELECT,INSERT ON TABLE replication.outbox_account TO keystead_apply;

GRANT SELECT,INSERT ON TABLE replication.outbox_alarm TO keystead_apply;

GRANT SELECT,INSERT ON TABLE replication.outbox_alarm_mark TO keystead_apply;

GRANT SELECT,INSERT ON TABLE replication.outbox_cluster_key TO keystead_apply;

GRANT SELECT,INSERT ON TABLE replication.outbox_cluster_property TO keystead_apply;

GRANT SELECT,INSERT ON TABLE replication.outbox_heartbeat TO keystead_apply;

GRANT SELECT,INSERT ON TABLE replication.outbox_key TO keystead_apply;

GRANT SELECT,INSERT ON TABLE replication.outbox_lane_beat TO keystead_apply;

GRANT SELECT,INSERT ON TABLE replication.outbox_node TO keystead_apply;

GRANT SELECT,INSERT ON TABLE replication.outbox_node_certificate TO keystead_apply;

GRANT SELECT,INSERT ON TABLE replication.outbox_node_version TO keystead_apply;

GRANT SELECT,INSERT ON TABLE replication.outbox_node_view TO keystead_apply;

GRANT SELECT,INSERT ON TABLE replication.outbox_syslog TO keystead_apply;

GRANT SELECT,INSERT,DELETE ON TABLE replication.promised TO keystead_apply;
GRANT SELECT ON TABLE replication.promised TO keystead_peer_api;

GRANT SELECT ON SEQUENCE replication.purge_floor TO keystead_apply;
GRANT SELECT ON SEQUENCE replication.purge_floor TO keystead_peer_api;

GRANT SELECT,INSERT ON TABLE replication.resync TO keystead_apply;

GRANT SELECT ON TABLE replication.run TO keystead_peer_api;

GRANT SELECT,DELETE ON TABLE replication.slot_seen TO keystead_peer_api;

GRANT SELECT,UPDATE ON SEQUENCE replication.unlooked TO keystead_apply;

ALTER DEFAULT PRIVILEGES FOR ROLE keystead IN SCHEMA public GRANT ALL ON FUNCTIONS  TO keystead_apply;

ALTER DEFAULT PRIVILEGES FOR ROLE keystead IN SCHEMA public GRANT SELECT ON TABLES  TO keystead_peer;

ALTER DEFAULT PRIVILEGES FOR ROLE keystead IN SCHEMA replication GRANT ALL ON FUNCTIONS  TO keystead_apply;

ALTER DEFAULT PRIVILEGES FOR ROLE keystead REVOKE ALL ON FUNCTIONS  FROM PUBLIC;

-- The database keystead_local, made from its migrations by a test; not to be edited.

CREATE TABLE public.backup_key (
    id text NOT NULL,
    wrapped bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    default_since timestamp with time zone
);

CREATE TABLE public.backup_operation (
    only_one boolean DEFAULT true NOT NULL,
    run text NOT NULL,
    operation text NOT NULL,
    backup text NOT NULL,
    status text NOT NULL,
    reason text,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT backup_operation_only_one_check CHECK (only_one)
);

CREATE TABLE public.identity (
    only_one boolean DEFAULT true NOT NULL,
    node_id text NOT NULL,
    number integer NOT NULL,
    cluster_id text NOT NULL,
    host text NOT NULL,
    port integer NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT identity_only_one_check CHECK (only_one)
);

CREATE TABLE public.master_key (
    only_one boolean DEFAULT true NOT NULL,
    wrapped bytea NOT NULL,
    CONSTRAINT master_key_only_one_check CHECK (only_one)
);

CREATE TABLE public.refinery_schema_history (
    version integer NOT NULL,
    name character varying(255),
    applied_on character varying(255),
    checksum character varying(255)
);

CREATE TABLE public.ticket (
    id text NOT NULL,
    node_id text NOT NULL,
    key_hash text NOT NULL,
    host text NOT NULL,
    serial text NOT NULL,
    not_after timestamp with time zone NOT NULL,
    spent_at timestamp with time zone,
    number integer
);

ALTER TABLE ONLY public.backup_key
    ADD CONSTRAINT backup_key_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.backup_operation
    ADD CONSTRAINT backup_operation_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY public.identity
    ADD CONSTRAINT identity_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY public.master_key
    ADD CONSTRAINT master_key_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY public.refinery_schema_history
    ADD CONSTRAINT refinery_schema_history_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.ticket
    ADD CONSTRAINT ticket_pkey PRIMARY KEY (id);

REVOKE USAGE ON SCHEMA public FROM PUBLIC;

REVOKE ALL ON LANGUAGE plpgsql FROM PUBLIC;

