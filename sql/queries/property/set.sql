insert into public.cluster_property (name, value) values ($1, $2)
on conflict (name) do update set value = excluded.value, deleted = false
