select replication.send_pending($1)
where exists (select from replication.pending where since <= $1 and not is_sent)
