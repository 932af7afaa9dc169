select key, version, origin, deleted, hash from peer.rows_of_keys($1, $2)
