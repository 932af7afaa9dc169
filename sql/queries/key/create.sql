select public.create_key(row($1, $2, $3::text::public.key_state, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $14,
                             0, 0, false)::public.key)
