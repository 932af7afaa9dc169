insert into backup_operation (run, operation, backup, status, reason, started_at, finished_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (only_one) do update set
    run = excluded.run, operation = excluded.operation, backup = excluded.backup, status = excluded.status,
    reason = excluded.reason, started_at = excluded.started_at, finished_at = excluded.finished_at
