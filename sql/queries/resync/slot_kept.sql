select peer.slot_kept()
