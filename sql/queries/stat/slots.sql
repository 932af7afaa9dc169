select slot_name, active, wal_status = 'lost' as lost, safe_wal_size,
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint as current,
       pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint as kept
from pg_replication_slots where database = current_database() and starts_with(slot_name, $1)
