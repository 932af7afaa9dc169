-- A key that may not leave the system stays so, whatever is written to it at the same time elsewhere. That it may not be
-- deleted is changed either way, and merges by version like any other column.
update replication.enlisted set merges = merges || '{"unexportable": "greatest"}' where relation::regclass = 'public.key'::regclass;
select replication.make_anew(e) from replication.enlisted e where e.relation::regclass = 'public.key'::regclass;

-- A member of before would let a change made at the same time take it back. So nobody changes it until all have this.
insert into replication.pending (relation, column_name, since, is_sent)
select relation, 'unexportable', 18, true from replication.enlisted where relation::regclass = 'public.key'::regclass;
create trigger zz_not_yet_update_unexportable before update on public.key
    for each row when (new.unexportable is distinct from old.unexportable)
    execute function replication.refuse_not_yet('public.key.unexportable');

drop function public.change_key(text, text, text, integer);

-- Changes what is not null, and answers the key as this change has left it: looked up again, it could be another's. Both
-- are null when there is no such key; taken is true when another key has the new name, fixed when the key may not leave the
-- system and was to be let. A key may be given the name it has. All its versions get the name.
create function public.change_key(key_id text, new_name text, new_description text, new_usage_mask integer,
                                  new_unexportable boolean, new_undeletable boolean,
                                  out taken boolean, out fixed boolean, out changed public.key)
    language plpgsql as
$$
declare
    old public.key;
    first text;
begin
    select coalesce(version_of, id) into first from live.key where id = key_id;
    if new_name is not null then
        perform pg_advisory_xact_lock(hashtextextended('versions of key ' || first, 0));
        perform pg_advisory_xact_lock(hashtextextended('key ' || new_name, 0));
    end if;
    select * into old from public.key where id = key_id and not deleted for no key update;
    if not found then
        return;
    end if;
    fixed := old.unexportable and not coalesce(new_unexportable, true);
    taken := new_name <> old.name and public.key_is_named(new_name, first);
    if taken or fixed then
        return;
    end if;
    if new_name is not null then
        update public.key set name = new_name, updated_at = now()
        where (id = first or version_of = first) and id <> key_id and name <> new_name and not deleted;
    end if;
    update public.key
    set name = coalesce(new_name, name), description = coalesce(new_description, description),
        usage_mask = coalesce(new_usage_mask, usage_mask), unexportable = coalesce(new_unexportable, unexportable),
        undeletable = coalesce(new_undeletable, undeletable), updated_at = now()
    where id = key_id and not deleted
    returning * into changed;
end
$$;
