update public.node
set state = $2::text::public.node_state, stage = case $2::text when 'ready' then 'ready' else stage end
where id = $1 and state < $2::text::public.node_state and not deleted
returning version
