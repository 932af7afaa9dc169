select relation, version, deleted, key, content from replication.orphans($1)
