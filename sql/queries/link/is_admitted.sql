select pg_has_role(session_user, 'keystead_peer', 'member')
