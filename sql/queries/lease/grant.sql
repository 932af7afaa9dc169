select granted, highest_number, is_fresh from peer.grant_lease($1, $2)
