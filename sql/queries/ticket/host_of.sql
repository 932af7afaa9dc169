select host from ticket where node_id = $1 order by not_after desc limit 1
