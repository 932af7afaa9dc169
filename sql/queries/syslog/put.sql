insert into public.syslog (id, host, port, transport, format, ca_cert, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $7)
on conflict (id) do update set
    host = excluded.host, port = excluded.port, transport = excluded.transport, format = excluded.format,
    ca_cert = excluded.ca_cert, updated_at = excluded.updated_at
