select replication.send_in_lanes($1)
