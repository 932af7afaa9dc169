-- As a tombstone, like every delete; written out, because `delete` would not return the version. The material goes.
update public.key set deleted = true, wrapped = null, updated_at = now()
where id = $1 and not deleted and not undeletable
returning version, case when $2::integer > 0 then replication.wait_for_peers($2::integer) end
