delete from backup_key where id = $1
