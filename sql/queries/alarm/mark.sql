insert into public.alarm_mark (alarm, episode, kind, account, at) values ($1, $2, $3, $4, $5)
on conflict (alarm, episode, kind) do nothing
returning at
