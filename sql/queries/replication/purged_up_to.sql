select peer.purged_up_to()
