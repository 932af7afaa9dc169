select run, beat, version from public.heartbeat where number = $1
