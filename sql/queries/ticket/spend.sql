update ticket set spent_at = now(), number = $2 where id = $1 and spent_at is null
