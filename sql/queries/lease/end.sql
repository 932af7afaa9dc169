select peer.end_lease($1)
