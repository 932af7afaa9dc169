select to_jsonb(h) from public.heartbeat h where number = $1
