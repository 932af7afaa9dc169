select relation, bucket, row_count, total from peer.digest($1, $2, $3)
