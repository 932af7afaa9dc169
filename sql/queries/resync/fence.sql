with fenced as (
    insert into replication.fence (has_all_up_to)
    select coalesce(min(at), 0) from live.heartbeat join live.node using (number) where state = 'ready'
    on conflict do nothing
)
insert into replication.resync (number, reason) select unnest($1::integer[]), 'rolled_back'
on conflict (number) do update set reason = excluded.reason
