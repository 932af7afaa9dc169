select id, node_id from ticket where spent_at is null and not_after < now() order by not_after
