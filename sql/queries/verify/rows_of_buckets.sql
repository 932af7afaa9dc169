select key, version, origin, deleted, hash from peer.rows_of_buckets($1, $2, $3)
