select node_id, number, cluster_id, host, port from identity
