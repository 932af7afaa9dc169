select replication.use_pending($1)
