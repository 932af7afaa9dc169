select peer.my_lag()
