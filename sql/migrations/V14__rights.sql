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

-- Who was granted the lease: nobody else uses, prolongs or ends it.
alter table replication.lease add owner text not null default '', add since timestamptz not null default clock_timestamp();

-- As before, but held by the role that asked, and for a minute at the most however often that asks again. This node's own
-- agent, which is no peer, is known by its attribute: a peer is never a superuser.
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
    where (l.holder = excluded.holder and l.owner = excluded.owner) or l.until < clock_timestamp();
    return query
        select l.holder = lease_holder and l.owner = session_user and l.until > clock_timestamp(),
               greatest(l.highest_number, (select max(n.number) from public.node n))
        from replication.lease l;
end
$$;

-- As before, but for a number that is near the highest that is known here: a member may have missed some.
create or replace function peer.reserve_number(lease_holder text, number integer) returns boolean
    language plpgsql security definer set search_path = pg_catalog, pg_temp as
$$
begin
    update replication.lease l
    set highest_number = greatest(l.highest_number, reserve_number.number)
    where l.holder = lease_holder and l.owner = session_user and l.until > clock_timestamp()
      and reserve_number.number <= 256 + greatest(l.highest_number::bigint, (select max(n.number) from public.node n));
    return found;
end
$$;

create or replace function peer.end_lease(lease_holder text) returns void
    language sql security definer set search_path = pg_catalog, pg_temp as
$$
    update replication.lease set until = 'epoch' where holder = lease_holder and owner = session_user
$$;

-- As before. What is no node's is refused, for a row that does not parse would stop every reader of the nodes; and the
-- caller's session does not choose the lane, which is part of the version.
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
      and record_node.number <= 256 + greatest(l.highest_number::bigint, (select max(n.number) from public.node n))
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

-- As before, for lanes that are numbers.
create or replace function peer.keep_lane(lane integer) returns boolean
    language plpgsql security definer set search_path = pg_catalog, pg_temp as
$$
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

create or replace function peer.end_lane(ended integer) returns boolean
    language plpgsql security definer set search_path = pg_catalog, pg_temp as
$$
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

-- As before; what a heartbeat says it has seen counts where it is a number.
create or replace function replication.members_without(up_to bigint) returns text
    language sql stable as
$$
    select string_agg(format('%s (%s:%s)', n.id, n.host, n.port), ', ' order by n.number)
    from live.node n left join live.heartbeat h on h.number = n.number
    where n.state = 'ready' and n.number <> replication.this_node()
      and coalesce(case when (h.seen ->> replication.this_node()::text) ~ '^[0-9]{1,18}$'
                        then (h.seen ->> replication.this_node()::text)::bigint end, 0) < up_to
$$;

-- Only this node's agent calls these, and that has the rights.
alter function replication.purge(bigint, integer) security invoker;
alter function replication.wait_for_members(interval) security invoker;

-- As before, but for the rights of the function that takes a tombstone out: it is the agent's, who writes.
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
$make$;

-- Lets apply workers insert into an enlisted table and its outbox, and the merge change rows of the table, column by column:
-- for a row that a peer sends as an update or a delete, past the merge, a worker asks for the right to the whole table.
create function replication.grant_enlisted(e replication.enlisted) returns void
    language plpgsql as
$$
begin
    execute format('grant select, insert on %s, %s to keystead_apply; grant update (%s) on %1$s to keystead_apply;
                    grant select on %1$s to keystead_peer',
                   e.relation, e.outbox,
                   (select replication.list(array_agg(attname order by attnum)) from pg_attribute
                    where attrelid = e.relation::regclass and attnum > 0 and not attisdropped and attgenerated = ''));
end
$$;

-- Whatever is enlisted, and every column that is added: `enlist` and `add_column` write these two tables last.
create function replication.grant_what_is_new() returns trigger
    language plpgsql as
$$
begin
    perform replication.grant_enlisted(e) from replication.enlisted e where e.relation = new.relation;
    return null;
end
$$;
create trigger grant_what_is_new after insert on replication.enlisted
    for each row execute function replication.grant_what_is_new();
create trigger grant_what_is_new after insert on replication.pending
    for each row execute function replication.grant_what_is_new();

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
    -- What a peer gets wrong is told to it. In the log it could be anything, and as long as it likes.
    execute format('alter role %I set log_min_messages = fatal', role);
    execute format('alter role %I set log_min_error_statement = panic', role);
end
$$;

-- Whatever is made from here on is nobody's to call but theirs who need it.
alter default privileges revoke execute on functions from public;
alter default privileges in schema replication, public grant execute on functions to keystead_apply;
