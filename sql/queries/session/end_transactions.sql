-- What a peer's transaction has locked would hold up a migration for as long as the peer likes. That waits for their end, by
-- its own time-out.
select count(pg_terminate_backend(pid)) from pg_stat_activity
where starts_with(usename, $1) and xact_start is not null
  and not exists (select from pg_replication_slots where active_pid = pid and slot_type = 'logical')
