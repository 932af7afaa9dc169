select pg_create_logical_replication_slot($1, 'pgoutput')
where not exists (select from pg_replication_slots where slot_name = $1)
