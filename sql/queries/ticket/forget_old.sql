delete from ticket where not_after < now() - interval '30 days'
