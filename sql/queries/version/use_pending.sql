select replication.use_pending($1)
where exists (select from replication.pending where since <= $1 and is_sent)
   or (select up_to from replication.rules_in_force) < (select max(since) from replication.rule where since <= $1)
