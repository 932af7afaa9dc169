select (pg_notification_queue_usage() * 100)::integer
