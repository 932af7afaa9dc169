-- In another order than the one there is an index for: all that match are sorted. Of one name, the newest version first.
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
  and ($10::text is null or name = $10)
order by case $9::text when 'name' then name end, case $9::text when '-name' then name end desc,
         case $9::text when 'updatedAt' then updated_at end, case $9::text when '-updatedAt' then updated_at end desc,
         case $9::text when '-createdAt' then created_at end desc,
         case when $9::text = 'version' then material_version end,
         case when $9::text in ('-version', 'name', '-name') then material_version end desc, created_at, id
offset $11 limit $12
