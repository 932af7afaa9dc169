select peer.purge_floor()
