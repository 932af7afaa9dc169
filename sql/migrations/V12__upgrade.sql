-- What every node runs, and what of a new version waits until every node runs it.
--
-- A migration may add a column to an enlisted table, or enlist a new one, while members of the version before go on
-- working. Nothing of it leaves a node until every member has the place for it, and nobody may write to it until every
-- member passes it on: docs/upgrade.md says why both steps are needed.

-- One row a node, written by itself. Each number is a schema, that is, of a migration: up to there it has everything, it
-- sends everything, it takes everything from everybody.
create table public.node_version (
    number integer primary key,
    product text not null,
    schema integer not null,
    sends integer not null,
    takes integer not null
);
select replication.enlist('public.node_version');

create trigger tell_version_changed after insert or update on public.node_version
    for each row execute function public.tell_node_changed();
alter table public.node_version enable always trigger tell_version_changed;

-- What waits on this node: a column, or a whole table where the column is ''.
create table replication.pending (
    relation text not null,
    column_name text not null,
    since integer not null,
    is_sent boolean not null default false,
    primary key (relation, column_name)
);

-- Refuses a local write to what not every member has. What arrives is not asked: who sent it was allowed to.
create function replication.refuse_not_yet() returns trigger
    language plpgsql as
$$
begin
    raise exception '%: not every member runs the version that has this', tg_argv[0]
        using errcode = 'KS002', hint = 'upgrade all members first';
end
$$;

create function replication.pending_columns(relation text) returns text[]
    language sql stable as
$$
    select coalesce(array_agg(column_name order by column_name), '{}')
    from replication.pending p where p.relation = pending_columns.relation and column_name <> '' and not is_sent
$$;

-- Makes the functions of an enlisted table anew: it takes and stamps all its columns, and sends those that are enlisted.
create function replication.make_anew(e replication.enlisted) returns void
    language plpgsql as
$$
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

-- Publishes what is enlisted, as before, but for what waits.
create or replace function replication.publish() returns void
    language plpgsql as
$$
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
$$;

-- Adds a column to an enlisted table, for a migration of this number. Until every member runs it the column has its default
-- in every row, whoever wrote it: the default is a constant.
create function replication.add_column(relation regclass, column_name text, type regtype, since integer,
                                       default_value text default null) returns void
    language plpgsql as
$$
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
$$;

-- Enlists a new table, for a migration of this number. Until every member runs it, nobody may write to it.
create function replication.enlist_later(relation regclass, since integer, merges jsonb default '{}',
                                         digested boolean default true) returns void
    language plpgsql as
$$
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
$$;

-- Every member has a place for what came with the migrations up to this one: from now on this node sends it.
create function replication.send_pending(up_to integer) returns void
    language plpgsql as
$$
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

-- Every member sends and takes what came with the migrations up to this one: from now on it may be written. What could be
-- written from now on, as text; null when that is nothing new.
create function replication.use_pending(up_to integer) returns text
    language plpgsql as
$$
declare
    guard record;
    used text;
begin
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

revoke execute on all functions in schema replication from public;
