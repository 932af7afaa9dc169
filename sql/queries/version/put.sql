insert into public.node_version (number, version, schema, sends, takes) values ($1, $2, $3, $4, $5)
on conflict (number) do update
set version = excluded.version, schema = excluded.schema, sends = excluded.sends, takes = excluded.takes
