select peer.keep_lane($1)
