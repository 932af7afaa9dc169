delete from replication.call where asked_at < clock_timestamp() - interval '2 minutes'
