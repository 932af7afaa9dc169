select replication.wanted_lanes()
