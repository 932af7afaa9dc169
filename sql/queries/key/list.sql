select id, name, state::text, algorithm, size, usage_mask, description, unexportable, undeletable, fingerprint,
       material_version, activation_date, created_at, updated_at, version_of, version
from live.key
where ($1::text is null or state = $1::text::public.key_state)
  and ($2::text is null or algorithm = $2)
  and ($3::integer is null or size = $3)
order by created_at, id
offset $4 limit $5
