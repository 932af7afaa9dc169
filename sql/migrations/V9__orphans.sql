-- What becomes of the rows that a removed node wrote last: those that some members have, they send on to the others; those
-- that no member has are orphans, which the removed node tells.

-- Rows as this node wrote them last, after a time: with their primary key, and without what is secret in them. Wrapped
-- secrets are bytea everywhere; the hash of a password is text. What a node says of itself goes with it, and is left out.
create function replication.orphans(above bigint)
    returns table (relation text, version bigint, deleted boolean, key jsonb, content jsonb)
    language plpgsql as
$$
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
$$;
revoke execute on function replication.orphans(bigint) from public;

-- Sends all rows again that a node wrote after a time, as they are here: for members that have not had them from it. How
-- many there were.
create function replication.send_rows_of(writer integer, above bigint) returns bigint
    language plpgsql as
$$
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
$$;
revoke execute on function replication.send_rows_of(integer, bigint) from public;
