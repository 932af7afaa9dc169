select format('delete from %s', $1::text)
