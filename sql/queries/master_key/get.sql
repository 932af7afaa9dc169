select wrapped from master_key
