select peer.answer($1)
