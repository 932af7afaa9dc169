select exists (select from pg_replication_slots
               where slot_name = any ($1) and pg_wal_lsn_diff(confirmed_flush_lsn, '0/0') >= $2::bigint)
