-- What it asked and took no answer to goes with it.
select format('drop owned by %1$I; drop role %1$I; delete from replication.call where caller = %1$L', $1::text)
