-- Of all databases and of what they share, since the statistics were begun.
select coalesce(sum(checksum_failures), 0)::bigint from pg_stat_database
