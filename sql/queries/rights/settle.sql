-- Who may do what in the database that replicates. Brought into force whole after every migration, so that nothing depends
-- on who made an object and when; what is so already is left alone. The superuser is the agent.
--
-- keystead_guest     a node that was signed: leaves a call, takes its answer
-- keystead_peer      a node that is recorded: the functions of the schema peer, reading what it gets by replication
-- keystead_peer_api  owns those functions, with just what they need
-- keystead_apply     applies what peers send: rows of enlisted tables, and what their triggers need

-- Nobody makes anything here but the superuser: no temporary object can stand in for one of ours.
do
$$
begin
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to keystead_guest, keystead_apply', current_database());
    revoke all on schema public, replication, live, peer from public;
    revoke usage on language plpgsql, sql from public;
end
$$;

-- Of PostgreSQL's own functions, those that read files, wait, lock, keep slots or objects, write to the WAL or the queue of
-- notifications, or may run for hours without looking whether they are to end.
do
$$
declare
    taken regprocedure;
begin
    for taken in
        select p.oid from pg_proc p
        where pronamespace = 'pg_catalog'::regnamespace
          and proname ~ '^(lo_|loread$|lowrite$|pg_(try_)?advisory_|pg_sleep|pg_(read|ls|file)_|pg_stat_file$|pg_export_snapshot$'
                        '|pg_(create|copy|drop|sync)_.*replication_slots?$|pg_replication_slot_|pg_logical_'
                        '|(query|table|cursor|schema|database)_to_xml|xpath|poly_|path_inter|pg_notify$)'
          and has_function_privilege('public', p.oid, 'execute')
    loop
        execute format('revoke execute on function %s from public', taken);
    end loop;
end
$$;
do
$$
declare
    given record;
begin
    for given in
        select p.oid::regprocedure as called, needed.role
        from (values ('keystead_apply', 'pg_replication_origin_session_is_setup'),
                     ('keystead_apply', 'pg_advisory_xact_lock'),
                     ('keystead_apply', 'pg_notify'),
                     ('keystead_peer_api', 'pg_notify'),
                     ('keystead_peer_api', 'pg_advisory_xact_lock'),
                     ('keystead_peer_api', 'pg_advisory_xact_lock_shared'),
                     ('keystead_peer_api', 'pg_sleep'),
                     ('keystead_peer_api', 'pg_create_logical_replication_slot'),
                     ('keystead_peer_api', 'pg_drop_replication_slot')) needed (role, name)
        join pg_proc p on proname = needed.name and pronamespace = 'pg_catalog'::regnamespace
        where not has_function_privilege(needed.role, p.oid, 'execute')
    loop
        execute format('grant execute on function %s to %I', given.called, given.role);
    end loop;
end
$$;

-- Of ours, everybody has what is granted by name; the functions of triggers call others.
do
$$
declare
    ours record;
begin
    for ours in
        select p.oid::regprocedure as called, prosecdef, pronamespace::regnamespace::text as home,
               proowner::regrole::text as owner, coalesce(proconfig, '{}') as settings,
               has_function_privilege('public', p.oid, 'execute') as is_public,
               exists (select from aclexplode(proacl) where grantee = 'keystead_apply'::regrole) as is_applied
        from pg_proc p
        where pronamespace in ('public'::regnamespace, 'replication'::regnamespace, 'live'::regnamespace, 'peer'::regnamespace)
          and prokind in ('f', 'p')
    loop
        if ours.is_public then
            execute format('revoke execute on routine %s from public', ours.called);
        end if;
        if not ours.is_applied and ours.home in ('public', 'replication') then
            execute format('grant execute on routine %s to keystead_apply', ours.called);
        end if;
        if ours.home <> 'peer' and ours.prosecdef then
            execute format('alter routine %s security invoker', ours.called);
        elsif ours.home = 'peer' then
            -- PostgreSQL looks in pg_temp first, for types and tables, unless it is named.
            if not 'search_path=pg_catalog, pg_temp' = any (ours.settings) then
                execute format('alter routine %s set search_path = pg_catalog, pg_temp', ours.called);
            end if;
            if ours.owner <> 'keystead_peer_api' then
                execute format('alter routine %s owner to keystead_peer_api', ours.called);
            end if;
        end if;
    end loop;
end
$$;

-- keystead_apply: what arrives, and what is remembered of it.
do
$$
begin
    if exists (select from pg_roles where rolname = 'keystead_apply' and rolconfig is not null) then
        alter role keystead_apply reset all;
    end if;
end
$$;
grant usage on schema public, replication, live to keystead_apply;
select replication.grant_enlisted(e) from replication.enlisted e;
grant select on replication.enlisted to keystead_apply;
grant select, insert, update on replication.bad_row to keystead_apply;
grant select, insert on replication.resync to keystead_apply;
grant select, insert, delete on replication.promised to keystead_apply;
grant select on sequence replication.floor, replication.purge_floor to keystead_apply;
grant select, update on sequence replication.unlooked to keystead_apply;

-- keystead_peer_api: as the bodies of the functions read. It reads the enlisted tables as any peer does.
alter default privileges in schema public grant select on tables to keystead_peer;
grant usage on schema public, replication, live, peer to keystead_peer_api;
grant insert on public.node to keystead_peer_api;
grant select on live.cluster_property to keystead_peer_api;
grant select on replication.enlisted, replication.fence, replication.kept, replication.promised, replication.run
    to keystead_peer_api;
grant select, insert, delete on replication.call to keystead_peer_api;
grant select, insert, update on replication.lease to keystead_peer_api;
grant select, delete on replication.slot_seen to keystead_peer_api;
grant select on sequence replication.floor, replication.purge_floor to keystead_peer_api;
do
$$
declare
    called regprocedure;
begin
    for called in
        select p.oid from pg_proc p
        where pronamespace = 'replication'::regnamespace
          and proname in ('this_node', 'lanes', 'lane', 'in_lane', 'wanted_lanes', 'keep_lanes', 'slot_for', 'let_go', 'notify',
                          'digest', 'list', 'hashed_columns', 'enlisted_table', 'row_columns', 'rows_with_keys', 'heard',
                          'past', 'version_now', 'highest_number')
    loop
        execute format('grant execute on function %s to keystead_peer_api', called);
    end loop;
end
$$;

-- What was made before there were these roles.
select replication.hand_over(subname) from pg_subscription
join pg_database on pg_database.oid = subdbid
where datname = current_database() and subowner <> 'keystead_apply'::regrole;
select replication.limit_role(rolname) from pg_roles
where starts_with(rolname, 'peer_') and not rolsuper
  and (rolconfig is null or not exists (select from unnest(rolconfig) setting where starts_with(setting, 'temp_file_limit=')));
