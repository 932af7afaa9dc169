delete from public.cluster_property where name = $1
