select replication.send_pending($1)
