insert into public.cluster_key (name, public, wrapped) values ($1, $2, $3)
on conflict (name) do update set public = excluded.public, wrapped = excluded.wrapped
