delete from public.alarm
where node = replication.this_node() and not raised and not deleted and cleared_at < now() - interval '90 days'
