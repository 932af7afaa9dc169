insert into public.alarm (id, node, source, kind, name, subject, severity, description, raised, episode, triggered_at, told_at)
values (public.alarm_id($1, $2), replication.this_node(), $3, $1, $4, $2, $5, $6, true, 1, $7, $7)
on conflict (id) do update set
    source = excluded.source, name = excluded.name, severity = excluded.severity, description = excluded.description,
    raised = true, episode = alarm.episode + 1, triggered_at = excluded.triggered_at, told_at = excluded.told_at,
    cleared_at = null, deleted = false
returning id
