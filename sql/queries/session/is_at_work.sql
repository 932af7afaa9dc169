-- Of the role that asks: it sees the state of its own sessions.
select state = 'active' from pg_stat_activity where pid = $1
