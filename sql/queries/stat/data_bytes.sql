select coalesce(sum(bytes), 0)::bigint from peer.tables()
