select replication.stage($1)
