select replication.become_node($1)
