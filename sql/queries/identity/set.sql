insert into identity (node_id, number, cluster_id, host, port) values ($1, $2, $3, $4, $5)
on conflict (only_one) do update set
    node_id = excluded.node_id, number = excluded.number, cluster_id = excluded.cluster_id,
    host = excluded.host, port = excluded.port, since = now()
