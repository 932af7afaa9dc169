select rolname, pg_has_role(oid, 'keystead_peer', 'member') as is_peer from pg_roles where starts_with(rolname, $1)
