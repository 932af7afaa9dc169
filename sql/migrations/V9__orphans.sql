-- Orphans: rows that a node wrote and no member has, when the node is removed.

-- Rows as this node wrote them last, after a time: with their primary key, and without what is secret in them. Wrapped
-- secrets are bytea everywhere; the hash of a password is text.
create function replication.orphans(above bigint)
    returns table (relation text, version bigint, deleted boolean, key jsonb, content jsonb)
    language plpgsql as
$$
declare
    t replication.enlisted;
    left_out text[];
begin
    for t in select * from replication.enlisted e where e.digested order by e.relation loop
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
