select replication.send_again($1, $2)
