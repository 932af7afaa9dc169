select * from public.alarm_state where id = $1
