select replication.touch($1, $2)
