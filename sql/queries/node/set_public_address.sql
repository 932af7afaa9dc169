update public.node set public_address = $2 where id = $1 and not deleted returning version
