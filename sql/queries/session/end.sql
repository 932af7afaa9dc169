-- Not another session that was given its number meanwhile.
select count(pg_terminate_backend(pid)) from pg_stat_activity
where pid = $1 and (date_part('epoch', backend_start) * 1000000)::bigint = $2
