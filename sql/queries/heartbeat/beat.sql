insert into public.heartbeat (number, at, seen)
select $1, $2::bigint, coalesce(jsonb_object_agg(number, at), '{}') || jsonb_build_object($1::integer, $2::bigint)
from live.heartbeat where number <> $1
on conflict (number) do update set at = excluded.at, seen = excluded.seen
