select run, ended from replication.past()
