-- Sessions of other nodes with how long each has been at what it does. One that reads its slot is PostgreSQL's to watch.
select a.pid, (date_part('epoch', a.backend_start) * 1000000)::bigint as started, a.usename::text as role,
       not pg_has_role(a.usesysid, 'keystead_peer', 'member') as is_guest,
       case when s.slot_name is not null then 'streaming'
            when r.state in ('backup', 'catchup', 'streaming') then 'copying the server'
            else coalesce(a.state, '') end as state,
       greatest((date_part('epoch', clock_timestamp() - a.state_change) * 1000)::bigint, 0) as state_millis,
       greatest((date_part('epoch', clock_timestamp() - a.xact_start) * 1000)::bigint, 0) as transaction_millis,
       a.backend_xid is not null as has_written,
       c.bytes_processed as copied, r.application_name as reads_as
from pg_stat_activity a
left join pg_stat_replication r using (pid)
left join pg_replication_slots s on s.active_pid = a.pid and s.slot_type = 'logical'
left join pg_stat_progress_copy c using (pid)
where starts_with(a.usename, $1)
