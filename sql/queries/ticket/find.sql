select id, node_id, key_hash, host, serial, not_after < now() as expired, spent_at is not null as spent, number
from ticket where id = $1
