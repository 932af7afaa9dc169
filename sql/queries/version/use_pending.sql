select replication.use_pending($1)
where exists (select from replication.pending where since <= $1 and is_sent)
