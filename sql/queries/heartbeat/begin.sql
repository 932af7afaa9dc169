select at, xid from replication.begin_heartbeat()
