select public.change_key($1, $2, $3, $4), case when $5::integer > 0 then replication.wait_for_peers($5::integer) end
