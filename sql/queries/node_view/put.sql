insert into public.node_view (viewer, document) values ($1, $2)
on conflict (viewer) do update set document = excluded.document
