select format('alter subscription %I set (synchronous_commit = %s)', $1::text, $2::text)
