select format('truncate %s', relation) from replication.enlisted where relation = $1
