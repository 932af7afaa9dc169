delete from ticket
where spent_at is not null and not_after < now() - interval '30 days' or not_after < now() - interval '400 days'
