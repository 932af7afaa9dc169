select relation, outbox, columns from replication.enlisted where digested order by relation
