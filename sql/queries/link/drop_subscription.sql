select format('drop subscription %I', $1::text)
