select too_old from replication.fence
