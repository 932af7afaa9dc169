update backup_key set default_since = clock_timestamp() where id = $1
