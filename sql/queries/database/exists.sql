-- One with -2 was being dropped when PostgreSQL ended: nobody can connect to it, and dropping it is all that it takes.
select exists (select from pg_database where datname = $1 and datconnlimit <> -2)
