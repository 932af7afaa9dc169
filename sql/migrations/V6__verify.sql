-- Waiting until all members have something, comparing what two nodes hold, and mending what differs.

-- The version that a row written now would get at least: a heartbeat that carries it was begun after everything that is
-- committed now.
create function replication.barrier_time() returns bigint
    language sql volatile as
$$
    select greatest((date_part('epoch', clock_timestamp()) * 1000000)::bigint,
                    pg_sequence_last_value('replication.floor') + 1)
$$;

-- The members that have not said yet that they have everything of this node up to a time; null when all have.
create function replication.members_without(up_to bigint) returns text
    language sql stable as
$$
    select string_agg(format('%s (%s:%s)', n.id, n.host, n.port), ', ' order by n.number)
    from live.node n left join live.heartbeat h on h.number = n.number
    where n.state = 'ready' and n.number <> replication.this_node()
      and coalesce((h.seen ->> replication.this_node()::text)::bigint, 0) < up_to
$$;

-- Returns when every member has everything that was committed on this node when it was called: every row of this node
-- with a version up to the one it answers. Each look is a statement of its own, so that it sees what arrives meanwhile.
create function replication.wait_for_members(patience interval default '1 minute') returns bigint
    language plpgsql volatile security definer set search_path = '' as
$$
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

-- What is known of an enlisted table; anything else is refused.
create function replication.enlisted_table(name text) returns replication.enlisted
    language plpgsql stable as
$$
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

-- What every look at single rows selects: the key as text, what decides a merge, and a hash of the whole row.
create function replication.row_columns(t replication.enlisted) returns text
    language sql stable as
$$
    select format('jsonb_build_object(%s)::text, t.version, t.origin, t.deleted, hash_record_extended(row(%s), 0)',
                  string_agg(format('%L, t.%I', c, c), ', '), replication.hashed_columns(t))
    from unnest(t.key_columns) c
$$;

-- The rows t of a table whose keys are in the json array $1, in order of the primary key.
create function replication.rows_with_keys(t replication.enlisted) returns text
    language sql stable as
$$
    select format('from jsonb_array_elements($1) as wanted (key)
                   cross join lateral jsonb_populate_record(null::%1$s, wanted.key) as w
                   join %1$s as t on (%2$s) = (%3$s)', t.relation,
                  string_agg(format('t.%I', c), ', '), string_agg(format('w.%I', c), ', '))
    from unnest(t.key_columns) c
$$;

-- The rows of some buckets of a digest, more than 100,000 of them cut off: one scan of the table, however many buckets.
create function peer.rows_of_buckets(relation text, buckets integer, wanted integer[])
    returns table (key text, version bigint, origin integer, deleted boolean, hash bigint)
    language plpgsql stable security definer set search_path = ''
    set extra_float_digits = 1 set datestyle = 'ISO' set intervalstyle = 'postgres' set timezone = 'UTC' set bytea_output = 'hex' as
$$
declare
    e replication.enlisted := replication.enlisted_table(relation);
begin
    return query execute format(
        'select %s from %s as t where mod(hash_record_extended(row(%s), 0), $1)::integer = any ($2) limit 100001',
        replication.row_columns(e), e.relation, replication.list(e.key_columns))
        using buckets, wanted;
end
$$;

-- The rows with these keys, a json array of at most 1000 objects.
create function peer.rows_of_keys(relation text, keys jsonb)
    returns table (key text, version bigint, origin integer, deleted boolean, hash bigint)
    language plpgsql stable security definer set search_path = ''
    set extra_float_digits = 1 set datestyle = 'ISO' set intervalstyle = 'postgres' set timezone = 'UTC' set bytea_output = 'hex' as
$$
declare
    e replication.enlisted := replication.enlisted_table(relation);
begin
    if jsonb_array_length(keys) > 1000 then
        raise exception 'too many keys' using errcode = 'program_limit_exceeded';
    end if;
    return query execute format('select %s %s', replication.row_columns(e), replication.rows_with_keys(e)) using keys;
end
$$;

-- The command that reads the rows with these keys whole, to be run on another node.
create function replication.reading_of(relation text, keys jsonb) returns text
    language sql stable as
$$
    select format('copy (select %s %s order by %s) to stdout (format binary)',
                  replication.list(e.columns, 't.'),
                  replace(replication.rows_with_keys(e), '$1', quote_literal(keys) || '::jsonb'),
                  replication.list(e.key_columns, 't.'))
    from replication.enlisted_table(relation) e
$$;

-- Sends rows out once more as they are: their versions stay, so whoever has them already is not changed by them.
create function replication.send_again(relation text, keys jsonb) returns bigint
    language plpgsql as
$$
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

-- Writes rows anew as they are: they get a new version, which wins everywhere.
create function replication.touch(relation text, keys jsonb) returns bigint
    language plpgsql as
$$
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
$$;

-- Puts the rows of pg_temp.taken, which came from another node, over those of the same version here, and in where there
-- are none. What has been written meanwhile stays. Only a session in replica role may do this: nothing is stamped.
create function replication.take(relation text) returns bigint
    language plpgsql as
$$
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
$$;

revoke execute on all functions in schema replication, peer from public;
grant execute on function peer.rows_of_buckets(text, integer, integer[]), peer.rows_of_keys(text, jsonb)
    to keystead_peer;
