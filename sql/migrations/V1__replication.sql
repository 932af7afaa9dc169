-- The replication kit: enlist a table, and its rows converge on all nodes.
--
-- A local write is stamped (version, origin). A new row is published by its table itself, of which only rows of this node
-- are sent; what changes a row is copied into the table's outbox, which is published too, inserts only. On a subscriber an
-- arriving row is merged into the real table: never sent on, as it is another node's.
-- docs/replication.md explains why this converges. Everything is schema-qualified: apply workers have no search_path.

create schema replication;
create schema live;

comment on schema replication is 'how rows travel between nodes';
comment on schema live is 'enlisted tables without their deleted rows: what readers use';

-- The first lane, and those that a node may send in beside it: docs/replication.md, "Lanes". All are there from the
-- beginning, so that a reader of old changes finds them.
create publication keystead with (publish = 'insert');
create publication keystead_lane_1 with (publish = 'insert');
create publication keystead_lane_2 with (publish = 'insert');
create publication keystead_lane_3 with (publish = 'insert');

create table replication.enlisted (
    relation text primary key,
    outbox text not null,
    columns text[] not null,
    key_columns text[] not null,
    digested boolean not null,
    merges jsonb not null
);

-- This node's number, as a constant: it is read for every row written.
create function replication.this_node() returns integer
    language sql immutable parallel safe as 'select 1';

create function replication.become_node(number integer) returns void
    language plpgsql as
$$
begin
    execute format(
        'create or replace function replication.this_node() returns integer
             language sql immutable parallel safe as ''select %s''', number);
    perform replication.publish();
    perform replication.spread_sequences();
end
$$;

-- The publication of a lane.
create function replication.publication(lane integer) returns text
    language sql immutable as
$$
    select 'keystead' || case when lane > 0 then '_lane_' || lane else '' end
$$;

-- Which rows go in a lane, as a condition; null where it is all of them.
create function replication.carried(lane integer) returns text
    language plpgsql stable as
$$
begin
    return case when lane >= replication.lanes() then 'false'
                when replication.lanes() > 1 then format('mod(version, %s) = %s', replication.lanes(), lane) end;
end
$$;

-- Publishes what is enlisted: of the tables only the rows that this node wrote. The numbers are constants there, because a
-- row filter may call no function of ours. A lane that is not in use has the tables and none of their rows.
create function replication.publish() returns void
    language plpgsql as
$$
declare
    published text;
begin
    for lane in 0..3 loop
        select string_agg(format('%s where (origin = %s%s), %s%s', relation, replication.this_node(), ' and ' || carried, outbox,
                                 ' where (' || carried || ')'), ', ')
        into published
        from replication.enlisted, replication.carried(lane) as carried;
        if published is not null then
            execute format('alter publication %I set table %s', replication.publication(lane), published);
        end if;
    end loop;
end
$$;

-- Makes the functions that tell in how many lanes this node sends, as a constant, and in which one a version is. They are
-- called for every row: with one lane they come to nothing. A transaction is in one lane as a whole, by its id; one whose
-- commit others may be waited for is in the first, for only its reader is waited for.
create function replication.set_lanes(number integer) returns void
    language plpgsql as
$make$
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
$make$;
select replication.set_lanes(1);

-- Lets the sequences of primary keys go on from what is there, in steps in which every node has a place of its own: no two
-- nodes give the same number. Numbers of nodes that share a place are this far apart.
create function replication.spread_sequences() returns void
    language plpgsql as
$$
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

-- What this node remembers of time, outside of transactions: no version it gives is at or below the floor, and rows up to
-- purge_floor may have been purged here.
create sequence replication.floor minvalue 0;
select setval('replication.floor', 0);
create sequence replication.purge_floor minvalue 0;
select setval('replication.purge_floor', 0);

create function replication.refuse_truncate() returns trigger
    language plpgsql as
$$
begin
    raise exception 'truncate of % is refused: it cannot be merged', tg_relid::regclass
        using hint = 'delete the rows instead';
end
$$;

-- Columns as a list, each with a prefix.
create function replication.list(columns text[], prefix text default '') returns text
    language sql immutable as
$$
    select string_agg(prefix || quote_ident(c), ', ' order by n) from unnest(columns) with ordinality as u (c, n)
$$;

-- The columns an enlisted table needs, refused with the way out where the table cannot be merged.
create function replication.check_enlistable(relation regclass) returns void
    language plpgsql as
$$
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

-- The function that merges one arriving row. Static SQL on typed columns, one function a table.
create function replication.make_merge(relation text, name text, cols text[], keys text[], merges jsonb)
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
        replication.merge_of_older(relation, keys, merges));
end
$make$;

-- At one in so many of the rows that arrive, by their versions, it is judged whether the next ones are looked for. Nothing is
-- counted for that: this runs for every row.
create function replication.judged_one_in() returns bigint
    language sql immutable parallel safe as 'select 8192::bigint';

-- When a session last began to store rows without looking, in microseconds since 1970.
create sequence replication.unlooked;

-- Is a subscription to look for the key of each of the next rows that arrive? A backlog drains faster without: then the
-- primary key refuses a row that is here already, and PostgreSQL begins that transaction again in a new session, which looks.
-- So not looking begins when no such row was met from one judged row to the next, not more often than every five seconds,
-- and never in a session's first transaction, which may be the one that was refused. Rows that are not old are looked for:
-- nobody is to wait for a new session. Says 'no', or since which transaction no such row was met; the session keeps it.
create function replication.look_from_now_on(version bigint) returns text
    language plpgsql as
$$
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

-- The function that takes a new row that arrives for the table itself. Nearly always there is no such row here, and then the
-- subscription stores it, which is cheaper than a merge. One that is here already, a tombstone too, is merged. Where another
-- transaction is just inserting the same row, the subscription fails on it, comes again, and finds it.
create function replication.make_arrival(relation text, name text, cols text[], keys text[]) returns void
    language plpgsql as
$make$
begin
    execute format(
        $sql$
        create or replace function replication.%1$I() returns trigger language plpgsql as
        $body$
        begin
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
        replication.list(cols), replication.list(cols, 'new.'));
end
$make$;

-- The part of a merge for a row that is older than the one it meets: it still counts in columns with their own order.
-- A statement of its own because it is rare: decided inside the first, it would cost every row much. The first has
-- locked the row it met, so nothing comes between.
create function replication.merge_of_older(relation text, keys text[], merges jsonb) returns text
    language sql immutable as
$$
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
$$;

-- The version of a row that is written now. The transaction takes its id before the clock and the floor are read, and `case`
-- keeps that order: what a heartbeat promises rests on it. float8, not numeric; inlined where it is called: this runs for
-- every row.
create function replication.version_now() returns bigint
    language sql volatile as
$$
    select case when pg_current_xact_id() is not null
                then greatest((date_part('epoch', clock_timestamp()) * 1000000)::bigint,
                              pg_sequence_last_value('replication.floor') + 1) end
$$;

-- A time for a heartbeat, later than every one before, and a transaction id. From now on no transaction gets a version up
-- to that time unless it has an id older than this one: whatever the clock does, it is above the floor.
create function replication.begin_heartbeat(out at bigint, out xid bigint)
    language plpgsql as
$$
begin
    perform pg_advisory_xact_lock(hashtextextended('replication.floor', 0));
    at := setval('replication.floor', greatest((date_part('epoch', clock_timestamp()) * 1000000)::bigint,
                                               pg_sequence_last_value('replication.floor') + 1));
    xid := pg_current_xact_id()::text::bigint;
end
$$;

-- The functions that stamp a local write and turn a delete into a tombstone. One for each kind of write, with as few
-- expressions as it takes: PL/pgSQL prepares each of them anew in every transaction.
create function replication.make_stamps(relation text, name text, cols text[], keys text[], merges jsonb)
    returns void language plpgsql as
$make$
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
$make$;

-- Columns without some of them, in their order.
create function replication.without(columns text[], left_out text[]) returns text[]
    language sql immutable as
$$
    select array_agg(c order by n) from unnest(columns) with ordinality as u (c, n) where c <> all (left_out)
$$;

-- The part of stamping an insert that lets a deleted row be written again: its tombstone makes room, the new row's version
-- is above it, and a column with an order of its own does not go back. Nothing where a deleted row stays deleted: there an
-- id is never used again.
create function replication.stamp_of_revived(relation text, name text, keys text[], merges jsonb) returns text
    language plpgsql as
$make$
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
        -- Definer's rights and no triggers: a tombstone is really taken out, which a writer may not do.
        create or replace function replication.%1$I(%2$s) returns %2$s
            language sql security definer set session_replication_role = replica as
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
$make$;

-- The function that copies what a statement has changed into the outbox. In order of the primary key, so that two appliers
-- meet the same rows in the same order.
create function replication.make_capture(name text, cols text[], keys text[]) returns void
    language plpgsql as
$make$
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
$make$;

create function replication.make_triggers(relation text, name text) returns void
    language plpgsql as
$$
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

-- Prepares a table for replication. merges names the columns that merge by their own order instead of by version, with
-- the function that joins two values, e.g. {"state": "replication.join_node_state", "deleted": "greatest"}.
create function replication.enlist(relation regclass, merges jsonb default '{}', digested boolean default true)
    returns void language plpgsql as
$$
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

-- An outbox row is needed in WAL only. A busy outbox is left for the next time rather than waited for.
create function replication.empty_outboxes(larger_than bigint) returns bigint
    language plpgsql as
$$
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

-- How many rows this node wrote from each of these times, which rise, to the next, by the number of the time. It reads whole
-- tables, when somebody is far behind: an index to spare that would cost every insert.
create function replication.written_from(times bigint[])
    returns table (number integer, row_count bigint) language plpgsql stable as
$$
declare
    relation text;
begin
    for relation in select e.relation from replication.enlisted e where e.digested loop
        return query execute format('select width_bucket(version, $1), count(*) from %s
                                     where origin = replication.this_node() and version >= $1[1] group by 1', relation)
            using times;
    end loop;
end
$$;

-- Takes out tombstones with a version up to a time that every node has everything up to, some of each table. From now on
-- a row up to that time that is not here does not come back: see merging. The number of tombstones taken out. It reads
-- whole tables, rarely: an index to spare that would cost every insert.
create function replication.purge(up_to bigint, at_most integer) returns bigint
    language plpgsql security definer set search_path = '' set session_replication_role = replica as
$$
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
$$;

-- After the first copy from another node: what was purged there is purged here, and sequences go on above what came.
create function replication.continue_from(purged_up_to bigint) returns void
    language plpgsql as
$$
begin
    perform replication.purge(purged_up_to, 0);
    perform replication.spread_sequences();
end
$$;

-- The columns of a table, called t, as they are hashed. Values whose hash differs between servers, is blind to a difference,
-- or does not exist are taken as text: who calls this sets what the text of a value depends on.
create function replication.hashed_columns(t replication.enlisted) returns text
    language sql stable as
$$
    select string_agg(format(case when atttypid = any ('{text,varchar,bytea,uuid,boolean,smallint,integer,bigint,date,timestamp,
                                                         timestamptz}'::regtype[])
                                  then 't.%I' else 't.%I::text' end, attname), ', ' order by attnum)
    from pg_attribute where attrelid = t.relation::regclass and attname = any (t.columns)
$$;

-- An order-independent digest of each bucket of each table, over the rows written up to a time. Tombstones that may have
-- been purged on one node and not yet on another are left out: those up to the second time.
create function replication.digest(buckets integer, until bigint default 9223372036854775807,
                                   purged_up_to bigint default 0)
    returns table (relation text, bucket integer, row_count bigint, total text) language plpgsql
    set extra_float_digits = 1 set datestyle = 'ISO' set intervalstyle = 'postgres' set timezone = 'UTC'
    set bytea_output = 'hex' as
$$
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
