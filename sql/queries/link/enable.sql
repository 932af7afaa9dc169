select format('alter subscription %I enable', $1::text)
