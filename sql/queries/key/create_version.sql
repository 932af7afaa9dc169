select public.create_version(row($1, $2, $3::text::public.key_state, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $14,
                                 $16, 0, 0, false)::public.key, $17, $18),
       case when $15::integer > 0 then replication.wait_for_peers($15::integer) end
