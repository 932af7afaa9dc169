-- What a peer's transaction has locked would hold up a migration for as long as the peer likes.
select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
where starts_with(usename, 'peer_') and xact_start is not null
  and not exists (select from pg_replication_slots where active_pid = pid and slot_type = 'logical')
