-- Of each key that has the name, its current version or the one with a number, whatever that is called.
select id, name, state::text, algorithm, size, usage_mask, description, unexportable, undeletable, fingerprint,
       material_version, activation_date, created_at, updated_at, version_of, version
from live.key
where id in (select public.newest_version(coalesce(version_of, id), $2::integer) from live.key where name = $1)
order by created_at, id
