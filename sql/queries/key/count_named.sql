-- A statement of its own, so that its plan always goes by the index on the name.
select count(*) from live.key
where name = $1
  and ($2::text is null or state = $2::text::public.key_state)
  and ($3::text is null or algorithm = $3)
  and ($4::integer is null or size = $4)
  and ($5::text is null or id = $5)
  and ($6::text is null or fingerprint = $6)
  and ($7::integer is null or usage_mask = $7)
  and ($8::integer is null or material_version = $8)
  and (not $9::boolean or not exists (
        select from live.key newer
        where (newer.id = coalesce(key.version_of, key.id) or newer.version_of = coalesce(key.version_of, key.id))
          and (newer.material_version, newer.created_at, newer.id) > (key.material_version, key.created_at, key.id)))
