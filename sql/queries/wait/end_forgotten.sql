-- The transaction is committed here already; nobody is left to be told whether others have it.
select count(pg_cancel_backend(pid)) from pg_stat_activity
where wait_event = 'SyncRep' and query_start < clock_timestamp() - make_interval(secs => $1)
