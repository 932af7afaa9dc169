select format('alter subscription %I refresh publication with (copy_data = false)', $1::text)
