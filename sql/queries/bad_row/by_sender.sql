select sender, count(*) as row_count, min(relation || ' ' || left(key, 100)) as example
from replication.bad_row where found_at > now() - interval '1 day' group by sender
