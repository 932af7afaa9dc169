insert into replication.misuse (node, said, seen_at) values ($1, $2, clock_timestamp())
on conflict (node) do update set said = excluded.said, seen_at = excluded.seen_at
