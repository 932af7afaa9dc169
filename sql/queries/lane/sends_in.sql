select replication.lanes()
