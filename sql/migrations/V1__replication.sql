-- The replication kit: enlist a table, and its rows converge on all nodes.
--
-- A local write is stamped (version, origin) and copied into the table's outbox; the outbox is published, inserts only.
-- On a subscriber the arriving outbox row is merged into the real table and thrown away, so it cannot be sent on.
-- docs/replication.md explains why this converges. Everything is schema-qualified: apply workers have no search_path.

create schema replication;
create schema live;

comment on schema replication is 'how rows travel between nodes';
comment on schema live is 'enlisted tables without their deleted rows: what readers use';

create publication keystead with (publish = 'insert');

create table replication.enlisted (
    relation text primary key,
    outbox text not null,
    columns text[] not null,
    key_columns text[] not null,
    digested boolean not null
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
end
$$;

create function replication.refuse_truncate() returns trigger
    language plpgsql as
$$
begin
    raise exception 'truncate of % is refused: it cannot be merged', tg_relid::regclass
        using hint = 'delete the rows instead';
end
$$;

-- The columns an enlisted table needs, refused with the way out where the table cannot be merged.
create function replication.check_enlistable(relation regclass) returns void
    language plpgsql as
$$
declare
    bad text;
begin
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
    col_list text := (select string_agg(format('%I', c), ', ') from unnest(cols) c);
    new_list text := (select string_agg(format('new.%I', c), ', ') from unnest(cols) c);
    key_list text := (select string_agg(format('%I', c), ', ') from unnest(keys) c);
    set_list text := (select string_agg(format(case when merges ? c then '%1$I = %2$s(t.%1$I, excluded.%1$I)'
                                                    else '%1$I = excluded.%1$I' end, c, merges ->> c), ', ')
                      from unnest(cols) c where c <> all (keys));
begin
    execute format(
        $sql$
        create function replication.%I() returns trigger language plpgsql as
        $body$
        begin
            insert into %s as t (%s) overriding system value values (%s)
            on conflict (%s) do update set %s
            where (excluded.version, excluded.origin) > (t.version, t.origin);
            %sreturn null;
        end
        $body$
        $sql$, 'merge_' || name, relation, col_list, new_list, key_list, set_list,
        replication.merge_of_older(relation, keys, merges));
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
                  (select string_agg(format('t.%I', c), ', ') from unnest(keys) c),
                  (select string_agg(format('new.%I', c), ', ') from unnest(keys) c),
                  string_agg(format('%1$s(t.%2$I, new.%2$I) is distinct from t.%2$I', value, key), ' or '))
    from jsonb_each_text(merges)
    having count(*) > 0
$$;

-- The version of a row that is written now. The transaction takes its id before the clock is read, and `case` keeps that
-- order: what a heartbeat promises rests on it. float8, not numeric; inlined where it is called: this runs for every row.
create function replication.version_now() returns bigint
    language sql volatile as
$$
    select case when pg_current_xact_id() is not null
                then (date_part('epoch', clock_timestamp()) * 1000000)::bigint end
$$;

-- The functions that stamp a local write and turn a delete into a tombstone. One for each kind of write, with as few
-- expressions as it takes: PL/pgSQL prepares each of them anew in every transaction.
create function replication.make_stamps(relation text, name text, keys text[], merges jsonb)
    returns void language plpgsql as
$make$
declare
    key_list text := (select string_agg(format('%I', c), ', ') from unnest(keys) c);
    old_keys text := (select string_agg(format('old.%I', c), ', ') from unnest(keys) c);
    new_keys text := (select string_agg(format('new.%I', c), ', ') from unnest(keys) c);
    rising text := (select string_agg(format('new.%1$I := %2$s(old.%1$I, new.%1$I);', key, value), ' ')
                    from jsonb_each_text(merges));
begin
    execute format(
        $sql$
        create function replication.%I() returns trigger language plpgsql as
        $body$
        begin
            new.version := replication.version_now();
            new.origin := replication.this_node();
            return new;
        end
        $body$
        $sql$, 'stamp_insert_' || name);
    execute format(
        $sql$
        create function replication.%I() returns trigger language plpgsql as
        $body$
        begin
            if (%s) is distinct from (%s) then
                raise exception 'the primary key of %% cannot be updated', tg_relid::regclass
                    using hint = 'delete the row and insert another';
            end if;
            new.version := greatest(replication.version_now(), old.version + 1);
            new.origin := replication.this_node();
            %s
            return new;
        end
        $body$
        $sql$, 'stamp_update_' || name, new_keys, old_keys, coalesce(rising, ''));
    execute format(
        $sql$
        create function replication.%I() returns trigger language plpgsql as
        $body$
        begin
            update %s set deleted = true where (%s) = (%s) and not deleted;
            return null;
        end
        $body$
        $sql$, 'bury_' || name, relation, key_list, old_keys);
end
$make$;

-- The functions that copy what a statement has stored into the outbox. Updates in order of the primary key, so that two
-- appliers meet the same rows in the same order; new rows are met by nobody, and sorting them would cost every insert.
create function replication.make_captures(name text, cols text[], keys text[])
    returns void language plpgsql as
$make$
declare
    col_list text := (select string_agg(format('%I', c), ', ') from unnest(cols) c);
    key_list text := (select string_agg(format('%I', c), ', ') from unnest(keys) c);
    body text := $sql$
        create function replication.%I() returns trigger language plpgsql as
        $body$
        begin
            insert into replication.%I (%s) select %3$s from changed%s;
            return null;
        end
        $body$
        $sql$;
begin
    execute format(body, 'capture_insert_' || name, 'outbox_' || name, col_list, '');
    execute format(body, 'capture_update_' || name, 'outbox_' || name, col_list, ' order by ' || key_list);
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
    execute format('create trigger zz_capture_insert after insert on %s referencing new table as changed
                        for each statement execute function replication.%I()', relation, 'capture_insert_' || name);
    execute format('create trigger zz_capture_update after update on %s referencing new table as changed
                        for each statement execute function replication.%I()', relation, 'capture_update_' || name);
    execute format('create trigger zz_refuse_truncate before truncate on %s
                        for each statement execute function replication.refuse_truncate()', relation);
    execute format('create trigger merge before insert on replication.%I
                        for each row execute function replication.%I()', 'outbox_' || name, 'merge_' || name);
    execute format('alter table replication.%I enable replica trigger merge', 'outbox_' || name);
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
    col_list text;
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
    col_list := (select string_agg(format('%I', c), ', ') from unnest(cols) c);

    execute format('create table replication.%I with (autovacuum_enabled = false) as select %s from %s with no data',
                   'outbox_' || name, col_list, target);
    perform replication.make_merge(target, name, cols, keys, merges);
    perform replication.make_stamps(target, name, keys, merges);
    perform replication.make_captures(name, cols, keys);
    perform replication.make_triggers(target, name);
    execute format('create view live.%I as select %s from %s where not deleted', name,
                   (select string_agg(format('%I', c), ', ') from unnest(cols) c where c <> 'deleted'), target);
    execute format('alter publication keystead add table replication.%I', 'outbox_' || name);
    insert into replication.enlisted values (target, format('replication.%I', 'outbox_' || name), cols, keys, digested);
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

-- An order-independent digest of each bucket of each table, over the rows written up to a time. Enums and json are taken as text: their hashes differ
-- between servers or do not exist.
create function replication.digest(buckets integer, until bigint default 9223372036854775807)
    returns table (relation text, bucket integer, row_count bigint, total text) language plpgsql as
$$
declare
    t replication.enlisted;
    values_list text;
    key_list text;
begin
    for t in select * from replication.enlisted e where e.digested order by e.relation loop
        select string_agg(case when typtype = 'e' or typname = 'json' then format('%I::text', attname)
                               else format('%I', attname) end, ', ' order by attnum) into values_list
        from pg_attribute join pg_type on pg_type.oid = atttypid
        where attrelid = t.relation::regclass and attname = any (t.columns);
        key_list := (select string_agg(format('%I', c), ', ') from unnest(t.key_columns) c);
        return query execute format(
            'select %L::text, mod(hash_record_extended(row(%s), 0), %s)::integer as b, count(*),
                    sum(hash_record_extended(row(%s), 0))::text
             from %s where version <= %s group by b', t.relation, key_list, buckets, values_list, t.relation, until);
    end loop;
end
$$;
