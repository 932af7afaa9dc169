select id, name, state::text, algorithm, size, usage_mask, description, unexportable, undeletable, fingerprint,
       material_version, activation_date, created_at, updated_at, version_of, version
from live.key
where ($1::text is null or state = $1::text::public.key_state)
  and ($2::text is null or algorithm = $2)
  and ($3::integer is null or size = $3)
  and ($4::text is null or id = $4)
  and ($5::text is null or fingerprint = $5)
  and ($6::integer is null or usage_mask = $6)
  and ($7::integer is null or material_version = $7)
  and (not $8::boolean or not exists (
        select from live.key newer
        where (newer.id = coalesce(key.version_of, key.id) or newer.version_of = coalesce(key.version_of, key.id))
          and (newer.material_version, newer.created_at, newer.id) > (key.material_version, key.created_at, key.id)))
order by created_at, id
offset $9 limit $10
