select replication.watch_slots()
