select rolname from pg_roles where rolname like 'peer\_%'
