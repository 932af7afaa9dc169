delete from replication.bad_row where found_at < now() - interval '30 days'
