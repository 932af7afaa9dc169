select number, at from live.heartbeat
