select peer.keep_changes_anew()
