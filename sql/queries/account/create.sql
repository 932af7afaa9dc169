select public.create_account(row($1, $2, $3, $4, $5, now(), now(), 0, 0, false)::public.account)
