with fenced as (insert into replication.fence default values on conflict do nothing)
insert into replication.resync (number, reason) select unnest($1::integer[]), 'rolled_back'
on conflict (number) do update set reason = excluded.reason
