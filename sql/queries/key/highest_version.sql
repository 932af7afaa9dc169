-- Deleted ones count.
select max(material_version) from public.key where id = $1 or version_of = $1
