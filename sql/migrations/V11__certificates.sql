-- What each node says of its certificate and of the authorities it believes. Only that node writes its row.
create table public.node_certificate (
    node text primary key,
    document jsonb not null
);
select replication.enlist('public.node_certificate');
