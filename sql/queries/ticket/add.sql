insert into ticket (id, node_id, key_hash, host, serial, not_after)
values ($1, $2, $3, $4, $5, to_timestamp($6::bigint))
