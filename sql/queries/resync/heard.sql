select run, beat, version from replication.heard($1)
