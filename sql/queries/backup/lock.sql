select format('lock table %s in exclusive mode', string_agg(relation, ', ')) from unnest($1::text[]) relation
