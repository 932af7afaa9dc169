insert into backup_key (id, wrapped, created_at, default_since)
values ($1, $2, $3, case when not exists (select from backup_key where default_since is not null) then now() end)
on conflict (id) do nothing
