-- Not waited for: PostgreSQL would look again after 100 ms only, and by then the reader may be back.
select active_pid is not null and pg_terminate_backend(active_pid) as is_read from pg_replication_slots where slot_name = $1
