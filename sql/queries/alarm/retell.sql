update public.alarm set severity = $3, description = $4, told_at = $5
where id = public.alarm_id($1, $2) and raised
returning id
