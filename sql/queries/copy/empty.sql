select format('truncate %s', $1::text)
