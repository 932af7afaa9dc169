select replication.end_run(), replication.spread_sequences()
