select coalesce(sum(pg_total_relation_size(outbox::regclass)), 0)::bigint from replication.enlisted
