select replication.merge_staged($1)
