select slot_name from pg_replication_slots where database = current_database() and starts_with(slot_name, $1)
