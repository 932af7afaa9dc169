select pg_wal_lsn_diff(peer.keep_changes(), '0/0')::bigint
