select node, said from replication.misuse where seen_at > now() - interval '1 day'
