select replication.remember($1, $2, $3)
