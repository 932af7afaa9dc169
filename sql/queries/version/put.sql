insert into public.node_version (number, product, schema, sends, takes) values ($1, $2, $3, $4, $5)
on conflict (number) do update
set product = excluded.product, schema = excluded.schema, sends = excluded.sends, takes = excluded.takes
