insert into public.node (id, number, host, port, public_address, state, stage, serial)
values ($1, $2, $3, $4, $5, $6::text::public.node_state, $7, $8)
on conflict (id) do nothing
