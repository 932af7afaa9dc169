-- Backups are files; what is kept of them here is the keys that open them, each wrapped by this node's root of trust.
create table backup_key (
    id text primary key,
    wrapped bytea not null,
    created_at timestamptz not null,
    -- The one that became the default last is it.
    default_since timestamptz
);

-- The backup or restore that runs on this node, or the last one.
create table backup_operation (
    only_one boolean primary key default true check (only_one),
    run text not null,
    operation text not null,
    backup text not null,
    status text not null,
    reason text,
    started_at timestamptz not null,
    finished_at timestamptz
);
