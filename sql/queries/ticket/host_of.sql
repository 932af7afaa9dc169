select host from ticket where node_id = $1 and not_after >= now() order by not_after desc limit 1
