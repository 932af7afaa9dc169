select replication.reading_of($1, $2)
