-- In the order of `newest_version`.
select id, name, state::text, algorithm, size, usage_mask, description, unexportable, undeletable, fingerprint,
       material_version, activation_date, created_at, updated_at, version_of, version
from live.key
where id = $1 or version_of = $1
order by material_version desc, created_at desc, id desc
offset $2 limit $3
