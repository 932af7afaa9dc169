insert into master_key (wrapped) values ($1)
on conflict (only_one) do update set wrapped = excluded.wrapped
