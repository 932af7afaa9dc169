-- a new session has this from the process that starts sessions: it is when that process read its files
select (extract(epoch from pg_conf_load_time()) * 1000000)::bigint
