-- What belongs to this node alone. It survives a join, which wipes the other database. No peer may connect here.

-- Which node this is in which cluster; no row while it is in none.
create table identity (
    only_one boolean primary key default true check (only_one),
    node_id text not null,
    number integer not null,
    cluster_id text not null,
    host text not null,
    port integer not null,
    since timestamptz not null default now()
);

-- The master key, wrapped by this node's root of trust.
create table master_key (
    only_one boolean primary key default true check (only_one),
    wrapped bytea not null
);

-- What this node signed for others: good for one join, by the node with that key, until it expires.
create table ticket (
    id text primary key,
    node_id text not null,
    key_hash text not null,
    host text not null,
    serial text not null,
    not_after timestamptz not null,
    spent_at timestamptz,
    number integer
);
