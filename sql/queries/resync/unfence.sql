delete from replication.fence
