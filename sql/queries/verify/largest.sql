select coalesce(max(pg_relation_size(relation::regclass)), 0) as bytes from replication.enlisted where digested
