select replication.continue_from($1)
