select run, beat, version from peer.heard_of_me()
