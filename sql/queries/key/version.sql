select id, name, state::text, algorithm, size, usage_mask, description, unexportable, undeletable, fingerprint,
       material_version, activation_date, created_at, updated_at, version_of, version
from live.key where id = public.newest_version($1, $2::integer)
