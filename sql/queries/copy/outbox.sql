select outbox from replication.enlisted where relation = $1
