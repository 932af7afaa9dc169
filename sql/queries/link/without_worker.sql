-- Before 16 it is enough to start the launcher anew.
select subname from pg_subscription
join pg_database on pg_database.oid = subdbid
where datname = current_database() and (starts_with(subname, $1) or starts_with(subname, $2)) and subenabled
  and current_setting('server_version_num')::integer >= 160000
  and not exists (select from pg_stat_subscription s where s.subid = pg_subscription.oid and s.pid is not null)
