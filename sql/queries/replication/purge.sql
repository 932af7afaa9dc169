select replication.purge($1, $2)
