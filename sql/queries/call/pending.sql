select id, caller, kind, body from replication.call where answer is null order by id
