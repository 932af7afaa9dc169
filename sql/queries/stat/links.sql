select slot_name,
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint as current,
       pg_wal_lsn_diff(coalesce(sent_lsn, confirmed_flush_lsn), '0/0')::bigint as sent,
       pg_wal_lsn_diff(coalesce(write_lsn, confirmed_flush_lsn), '0/0')::bigint as write,
       pg_wal_lsn_diff(coalesce(flush_lsn, confirmed_flush_lsn), '0/0')::bigint as flush,
       pg_wal_lsn_diff(coalesce(replay_lsn, confirmed_flush_lsn), '0/0')::bigint as replay,
       (date_part('epoch', write_lag) * 1000000)::bigint as write_lag,
       (date_part('epoch', flush_lag) * 1000000)::bigint as flush_lag,
       (date_part('epoch', replay_lag) * 1000000)::bigint as replay_lag,
       state,
       (date_part('epoch', backend_start) * 1000000)::bigint as connected_since
from pg_replication_slots left join pg_stat_replication on pid = active_pid
where database = current_database() and starts_with(slot_name, $1)
