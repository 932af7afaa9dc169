select exists (select from live.account)
