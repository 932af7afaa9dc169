-- By the index on the id, once for each beginning: digits sort alike in every collation.
select id, name, state::text, algorithm, size, usage_mask, description, unexportable, undeletable, fingerprint,
       material_version, activation_date, created_at, updated_at, version_of, version
from unnest($1::text[]) as beginning
join live.key on id between beginning || repeat('0', 32) and beginning || repeat('f', 32)
order by created_at, id
limit 2
