select run, ended from peer.past()
