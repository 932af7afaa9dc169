select exists (select from replication.fence)
