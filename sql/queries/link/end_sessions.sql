select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where usename = $1
