select pg_drop_replication_slot(slot_name) from pg_replication_slots
where slot_name = $1 and (active_pid is null or pg_terminate_backend(active_pid, 5000))
