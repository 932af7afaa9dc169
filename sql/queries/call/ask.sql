select peer.call($1, $2)
