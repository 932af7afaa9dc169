select format('alter subscription %I set (synchronous_commit = local)', $1::text)
