select replication.set_aside($1, $2, null, null, to_jsonb($3::text))
