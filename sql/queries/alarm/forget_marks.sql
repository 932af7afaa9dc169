-- Of this node's alarms, and of former episodes. Those of the present one say what users said to it.
delete from public.alarm_mark m using live.alarm a
where a.id = m.alarm and a.node = replication.this_node() and m.episode < a.episode and not m.deleted
