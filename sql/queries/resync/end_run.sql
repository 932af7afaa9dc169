select replication.end_run()
