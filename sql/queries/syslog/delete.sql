update public.syslog set deleted = true where id = $1 and not deleted returning version
