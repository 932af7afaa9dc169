select replication.empty_outboxes($1)
