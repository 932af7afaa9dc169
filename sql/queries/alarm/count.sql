select count(*) from public.alarm_state
where ($1::text is null or name = $1)
  and ($2::text is null or state = $2)
  and ($3::text is null or severity = $3)
  and ($4::text is null or source = $4)
