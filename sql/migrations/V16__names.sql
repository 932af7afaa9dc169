-- Names are kept in Unicode's form C from now on. A key that was named before may have another form of the same name: the
-- one that is made or renamed now does not get its name beside it. Only names with other letters than ASCII can have one.
create function public.key_is_named(new_name text, but_not text default null) returns boolean
    language plpgsql stable as
$$
begin
    return exists (select from live.key where name = new_name and coalesce(version_of, id) is distinct from but_not)
           or octet_length(new_name) > char_length(new_name)
              and exists (select from live.key
                          where name = normalize(new_name, NFD) and coalesce(version_of, id) is distinct from but_not);
end
$$;

create or replace function public.create_key(new_key public.key) returns bigint
    language plpgsql as
$$
declare
    made bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('key ' || new_key.name, 0));
    if public.key_is_named(new_key.name) then
        return null;
    end if;
    insert into public.key values (new_key.*) returning version into made;
    return made;
end
$$;

create or replace function public.change_key(key_id text, new_name text, new_description text, new_usage_mask integer,
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
    taken := new_name <> old_name and public.key_is_named(new_name, first);
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
