select id, wrapped, created_at, default_since is not null and default_since = max(default_since) over () as is_default
from backup_key order by created_at, id
