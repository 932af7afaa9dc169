select pg_wal_lsn_diff(peer.confirmed_by($1), '0/0')::bigint
