-- Accounts and keys.

create table public.account (
    id text primary key,
    username text not null,
    password_hash text not null,
    password_change_required boolean not null,
    password_changed_at timestamptz not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index account_username on public.account (username);
select replication.enlist('public.account');

-- In the order of src/key/state.rs, where the join is defined and proved; a test compares both.
create type public.key_state as enum
    ('Pre-Active', 'Active', 'Deactivated', 'Compromised', 'Destroyed', 'Destroyed Compromised');

create function public.join_key_state(a public.key_state, b public.key_state) returns public.key_state
    language sql immutable parallel safe as
$$
    select case when least(a, b) = 'Compromised'::public.key_state and greatest(a, b) = 'Destroyed'::public.key_state
                then 'Destroyed Compromised'::public.key_state
                else greatest(a, b) end
$$;

create table public.key (
    id text primary key,
    name text not null,
    state public.key_state not null,
    algorithm text not null,
    size integer not null,
    usage_mask integer not null,
    description text not null,
    unexportable boolean not null,
    undeletable boolean not null,
    fingerprint text not null,
    material_version integer not null,
    epoch integer not null,
    wrapped bytea,
    activation_date timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- The id of the key's first version; null where this is that itself.
    version_of text
);
create index key_name on public.key (name);
create index key_version_of on public.key (version_of) where version_of is not null;
create index key_created_at on public.key (created_at, id);
-- A deleted key stays deleted: its id is never used again, so the tombstone may win over any clock.
select replication.enlist('public.key', '{"state": "public.join_key_state", "deleted": "greatest"}');

-- What is destroyed or deleted has no material, wherever its row comes from: state and deletion merge by their own order,
-- the material by version, so a later row of a node that had not heard of it would bring the material back.
create function public.drop_material() returns trigger
    language plpgsql as
$$
begin
    new.wrapped := null;
    return new;
end
$$;
create trigger drop_material before insert or update on public.key
    for each row when (new.wrapped is not null and (new.deleted or new.state >= 'Destroyed'::public.key_state))
    execute function public.drop_material();
alter table public.key enable always trigger drop_material;

-- Makes an account, or answers with null when its name is taken. Two makers of one name wait for each other.
create function public.create_account(new_account public.account) returns bigint
    language plpgsql as
$$
declare
    made bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('account ' || new_account.username, 0));
    if exists (select from live.account where username = new_account.username) then
        return null;
    end if;
    insert into public.account values (new_account.*) returning version into made;
    return made;
end
$$;

-- Makes a key, or answers with null when its name is taken. Two makers of one name wait for each other.
create function public.create_key(new_key public.key) returns bigint
    language plpgsql as
$$
declare
    made bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('key ' || new_key.name, 0));
    if exists (select from live.key where name = new_key.name) then
        return null;
    end if;
    insert into public.key values (new_key.*) returning version into made;
    return made;
end
$$;

-- The id of a key's current version, or of the one with a number: of those that are there the one with the highest number;
-- where two sides of a partition gave one number to two, the one that was made later by its maker's clock, then the one
-- with the higher id. Nothing of this ever changes in a row, so all nodes that have the same rows have the same answer.
create function public.newest_version(first text, number integer) returns text
    language sql stable as
$$
    select id from live.key
    where (id = first or version_of = first) and (number is null or material_version = number)
    order by material_version desc, created_at desc, id desc
    limit 1
$$;

-- Makes a version of a key that has others, after the one with this id, as it was in this version of its row; or answers
-- with null when that changed meanwhile or the number was given. Numbers of deleted versions are not given again while
-- their tombstones are there. Whoever makes a version or renames the key waits for the others.
create function public.create_version(new_key public.key, after_id text, after_version bigint) returns bigint
    language plpgsql as
$$
declare
    made bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('versions of key ' || new_key.version_of, 0));
    if not exists (select from live.key where id = after_id and version = after_version)
       or exists (select from public.key where (id = new_key.version_of or version_of = new_key.version_of)
                                               and material_version >= new_key.material_version) then
        return null;
    end if;
    insert into public.key values (new_key.*) returning version into made;
    return made;
end
$$;

-- Changes what is not null, and answers the key as this change has left it: looked up again, it could be another's. Both
-- answers are null when there is no such key; taken is true when another key has the new name. A key may be given the
-- name it has, also while another has it too: then nothing about names changes. All versions of a key get its new name.
create function public.change_key(key_id text, new_name text, new_description text, new_usage_mask integer,
                                  out taken boolean, out changed public.key)
    language plpgsql as
$$
declare
    old_name text;
    first text;
begin
    select coalesce(version_of, id) into first from live.key where id = key_id;
    if new_name is not null then
        perform pg_advisory_xact_lock(hashtextextended('versions of key ' || first, 0));
        perform pg_advisory_xact_lock(hashtextextended('key ' || new_name, 0));
    end if;
    select name into old_name from live.key where id = key_id;
    if not found then
        return;
    end if;
    taken := new_name <> old_name
             and exists (select from live.key where name = new_name and coalesce(version_of, id) <> first);
    if taken then
        return;
    end if;
    if new_name is not null then
        update public.key set name = new_name, updated_at = now()
        where (id = first or version_of = first) and id <> key_id and name <> new_name and not deleted;
    end if;
    update public.key
    set name = coalesce(new_name, name), description = coalesce(new_description, description),
        usage_mask = coalesce(new_usage_mask, usage_mask), updated_at = now()
    where id = key_id and not deleted
    returning * into changed;
end
$$;

-- The restore that this node's data comes from, written with that data: so that after a crash nobody need guess whether it
-- was done. Of this node alone.
create table public.restored (
    only_one boolean primary key default true check (only_one),
    run text not null
);
