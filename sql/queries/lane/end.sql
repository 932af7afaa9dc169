select peer.end_lane($1)
