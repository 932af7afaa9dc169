select severity, count(*) from public.alarm_state where state = 'on' group by severity order by severity
