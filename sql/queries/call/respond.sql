update replication.call set answer = $2 where id = $1
