-- Rights: what peers ask for runs as a role that may do just that, and what they send is applied as another.
--
-- Neither is a superuser, so a fault in what peers reach is not the whole server. What each role may do is brought into
-- force at every start, by queries/rights/settle.sql: here are the roles, and what hands objects to them.

do
$$
begin
    -- Owns the subscriptions, so apply workers run as it. They need the attribute login; pg_hba.conf has no line for it.
    if not exists (select from pg_roles where rolname = 'keystead_apply') then
        create role keystead_apply login;
    end if;
    -- Owns the functions of the schema peer. Slots need the attribute replication.
    if not exists (select from pg_roles where rolname = 'keystead_peer_api') then
        create role keystead_peer_api nologin replication in role keystead_peer, pg_signal_backend;
    end if;
end
$$;

-- Wakes the agent. Left out while the queue of notifications fills: a commit that finds no room in it fails, and applying
-- what a peer sent must not. The agent then finds what is new at its next timer.
create function replication.notify(channel text, payload text default '') returns void
    language plpgsql as
$$
begin
    if pg_catalog.pg_notification_queue_usage() < 0.1 then
        perform pg_catalog.pg_notify(channel, payload);
    end if;
end
$$;

create or replace function public.tell_node_changed() returns trigger
    language plpgsql as
$$
begin
    perform replication.notify('keystead_node');
    return null;
end
$$;

create or replace function replication.miss(peer_number integer, had bigint, came bigint) returns void
    language plpgsql as
$$
begin
    insert into replication.resync (number, reason, had, came) values (peer_number, 'gap', miss.had, miss.came)
    on conflict do nothing;
    if found then
        perform replication.notify('keystead_resync');
    end if;
end
$$;

create or replace function peer.call(kind text, body jsonb) returns bigint
    language plpgsql security definer set search_path = pg_catalog, pg_temp as
$$
declare
    call_id bigint;
begin
    if length(kind) > 40 or pg_column_size(body) > 65536 then
        raise exception 'the call is too large' using errcode = 'program_limit_exceeded';
    end if;
    insert into replication.call (caller, kind, body) values (session_user, call.kind, call.body)
    returning id into call_id;
    perform replication.notify('keystead_call', call_id::text);
    return call_id;
end
$$;

-- As before. This node's own agent, which is no peer, is known by its attribute: a peer is never a superuser.
create or replace function peer.grant_lease(lease_holder text, seconds integer)
    returns table (granted boolean, highest_number integer)
    language plpgsql security definer set search_path = pg_catalog, pg_temp as
$$
begin
    if not (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = session_user)
       and not exists (select from public.node where session_user = 'peer_' || id and state = 'ready') then
        raise exception 'only a member may ask this' using errcode = 'insufficient_privilege';
    end if;
    insert into replication.lease as l (holder, until, highest_number)
    values (lease_holder, clock_timestamp() + make_interval(secs => least(seconds, 60)), 0)
    on conflict (only_one) do update set holder = excluded.holder, until = excluded.until
    where l.holder = excluded.holder or l.until < clock_timestamp();
    return query
        select l.holder = lease_holder,
               greatest(l.highest_number, (select max(n.number) from public.node n))
        from replication.lease l;
end
$$;

-- Only this node's agent calls these, and that has the rights.
alter function replication.purge(bigint, integer) security invoker;
alter function replication.wait_for_members(interval) security invoker;

-- As before, but for who owns the function that takes a tombstone out.
create or replace function replication.stamp_of_revived(relation text, name text, keys text[], merges jsonb) returns text
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
            language sql security definer set search_path = pg_catalog, pg_temp set session_replication_role = replica as
        $body$
            delete from %2$s where %3$s and deleted returning *
        $body$;
        alter function replication.%1$I(%2$s) owner to keystead_apply
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

-- Lets apply workers write to an enlisted table, and readers of the schema peer read it.
create function replication.grant_enlisted(e replication.enlisted) returns void
    language plpgsql as
$$
begin
    execute format('grant select, insert, update, delete on %s, %s to keystead_apply; grant select on %1$s to keystead_peer',
                   e.relation, e.outbox);
end
$$;

-- As before, and lets those work with the table who have to.
create or replace function replication.enlist(relation regclass, merges jsonb default '{}', digested boolean default true)
    returns void language plpgsql as
$$
declare
    -- Qualified, whatever the search_path: the functions made here run where there is none.
    target text;
    name text;
    cols text[];
    keys text[];
    made replication.enlisted;
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
    insert into replication.enlisted values (target, format('replication.%I', 'outbox_' || name), cols, keys, digested, merges)
    returning * into made;
    perform replication.grant_enlisted(made);
    perform replication.publish();
    perform replication.spread_sequences();
end
$$;

-- Gives a subscription to the role that apply workers run as, which then applies as itself: with another owner of the
-- tables in between, PostgreSQL would set up and reset a session for every row. 15 lets a superuser alone take over a
-- subscription, and lets it stay when the role no longer is one; who else does this at the same moment waits.
create function replication.hand_over(subscription text) returns void
    language plpgsql as
$$
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

-- What one peer's role may take of this server: a guest asks over one connection and may have lost another, a peer reads in
-- lanes beside its calls. A session cannot change these, as it can a time-out.
create function replication.limit_role(role text) returns void
    language plpgsql as
$$
begin
    execute format('alter role %I connection limit %s', role,
                   case when pg_has_role(role, 'keystead_peer', 'member') then 16 else 2 end);
    execute format('alter role %I set temp_file_limit = %L', role, '256MB');
end
$$;

-- Whatever is made from here on is nobody's to call but theirs who need it.
alter default privileges revoke execute on functions from public;
alter default privileges in schema replication, public grant execute on functions to keystead_apply;
