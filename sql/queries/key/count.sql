select count(*) from live.key
where ($1::text is null or state = $1::text::public.key_state)
  and ($2::text is null or algorithm = $2)
  and ($3::integer is null or size = $3)
