select format('alter subscription %I disable', $1::text)
