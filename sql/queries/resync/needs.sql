select number, reason from replication.resync
