update public.node set stage = $2 where id = $1 and state = 'joining' and stage <> $2 and not deleted
