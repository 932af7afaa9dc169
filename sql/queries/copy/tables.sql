select relation, columns, row_count, bytes from peer.tables()
