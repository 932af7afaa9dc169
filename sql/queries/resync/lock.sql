select pg_try_advisory_lock(hashtextextended('replication.resync', $1))
