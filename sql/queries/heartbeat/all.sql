select number, seen from live.heartbeat
