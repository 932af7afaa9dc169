select s.slot_name::text as name, s.plugin::text as plugin, a.pid, a.usename::text as role
from pg_replication_slots s left join pg_stat_activity a on a.pid = s.active_pid
