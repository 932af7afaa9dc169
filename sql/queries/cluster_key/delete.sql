-- As a tombstone, like every delete. The secret goes.
update public.cluster_key set deleted = true, wrapped = '' where name = $1 and not deleted
