select granted, highest_number from peer.grant_lease($1, $2)
