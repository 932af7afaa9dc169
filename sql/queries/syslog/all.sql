select id, host, port, transport, format, ca_cert, created_at, updated_at from live.syslog order by created_at, id
