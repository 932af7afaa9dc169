insert into public.restored (run) values ($1) on conflict (only_one) do update set run = excluded.run
