select sum(pg_table_size(relation::regclass))::bigint from unnest($1::text[]) relation
