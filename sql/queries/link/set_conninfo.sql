select format('alter subscription %I connection %L', $1::text, $2::text)
