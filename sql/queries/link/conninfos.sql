select subname, subconninfo from pg_subscription
join pg_database on pg_database.oid = subdbid
where datname = current_database() and (starts_with(subname, $1) or starts_with(subname, $2))
