select distinct epoch from public.key where wrapped is not null order by epoch
