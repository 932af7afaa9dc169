select exists (select from live.key)
