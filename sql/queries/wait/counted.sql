select count(*) from pg_stat_get_wal_senders() where sync_priority > 0
