select run, operation, backup, status, reason, started_at, finished_at from backup_operation
