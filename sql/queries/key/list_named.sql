-- A statement of its own, so that its plan always goes by the index on the name.
select id, name, state::text, algorithm, size, usage_mask, description, unexportable, undeletable, fingerprint,
       material_version, activation_date, created_at, updated_at, version_of, version
from live.key
where name = $1
  and ($2::text is null or state = $2::text::public.key_state)
  and ($3::text is null or algorithm = $3)
  and ($4::integer is null or size = $4)
order by created_at, id
offset $5 limit $6
