select kind, subject, severity, description, (date_part('epoch', told_at) * 1000000)::bigint as told
from live.alarm where node = replication.this_node() and raised
