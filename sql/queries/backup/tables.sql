select relation, columns from replication.enlisted where relation = any ($1) order by relation
