select peer.reserve_number($1, $2)
