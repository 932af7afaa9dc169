select replication.beat_in_lane($1)
