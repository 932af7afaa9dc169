select replication.beat($1, $2)
