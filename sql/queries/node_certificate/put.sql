insert into public.node_certificate (node, document) values ($1, $2)
on conflict (node) do update set document = excluded.document
