update public.alarm set raised = false, cleared_at = $3
where id = public.alarm_id($1, $2) and raised
returning id
