-- Of all lanes of a link, the one that is worst off.
select regexp_replace(slot_name, '^lane_(.*)_[0-9]+$', 'keystead_\1') as link, bool_and(active) as active,
       bool_or(wal_status = 'lost') as lost, min(safe_wal_size) as safe_wal_size,
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint as current,
       max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn))::bigint as kept
from pg_replication_slots
where database = current_database() and (starts_with(slot_name, $1) or starts_with(slot_name, $2)) group by link
