select replication.send_rows_of($1, $2)
