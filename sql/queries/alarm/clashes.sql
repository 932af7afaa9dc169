select kind, name, ids from public.name_clash order by kind, name
