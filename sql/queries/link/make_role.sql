select format('create role %1$I login replication connection limit 16 in role keystead_peer;
               alter role %1$I set statement_timeout = 0', $1::text)
