select replication.take($1)
