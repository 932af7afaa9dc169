select coalesce(taken, false) as taken, coalesce(fixed, false) as fixed, (changed).id, (changed).name, (changed).state::text, (changed).algorithm,
       (changed).size, (changed).usage_mask, (changed).description, (changed).unexportable, (changed).undeletable,
       (changed).fingerprint, (changed).material_version, (changed).activation_date, (changed).created_at,
       (changed).updated_at, (changed).version_of, (changed).version,
       case when $7::integer > 0 then replication.wait_for_peers($7::integer) end
from public.change_key($1, $2, $3, $4, $5, $6)
