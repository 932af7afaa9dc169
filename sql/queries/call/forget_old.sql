delete from replication.call where asked_at < now() - interval '1 hour'
