select public.change_key($1, $2, $3, $4)
