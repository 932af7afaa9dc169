select subname from pg_stat_subscription where pid is not null and relid is null
