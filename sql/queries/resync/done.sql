select replication.resynced($1, $2)
