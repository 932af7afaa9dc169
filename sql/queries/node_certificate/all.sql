select node, document from live.node_certificate order by node
