insert into replication.resync (number, reason) values ($1, $2) on conflict do nothing
