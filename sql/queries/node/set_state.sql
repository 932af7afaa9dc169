update public.node set state = $2::text::public.node_state
where id = $1 and state < $2::text::public.node_state and not deleted
returning version
