//! The backup or restore that runs on this node, or the last one: one row in the database of this node alone.

use keystead::api::backup::BackupStatus;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// What runs or ran last, and the id of that run.
pub async fn get(local: &Connection) -> Result<Option<(String, BackupStatus)>> {
    let row = query!("backup_operation/get").opt(local, &[]).await?;
    Ok(row.map(|row| {
        let status = BackupStatus {
            status: row.get("status"),
            operation: row.get("operation"),
            backup: row.get("backup"),
            reason: row.get("reason"),
            started: row.get("started_at"),
            finished: row.get("finished_at"),
        };
        (row.get("run"), status)
    }))
}

/// Keeps it, in place of the one before.
pub async fn put(local: &Connection, run: &str, is: &BackupStatus) -> Result<()> {
    let BackupStatus {
        status,
        operation,
        backup,
        reason,
        started,
        finished,
    } = is;
    query!("backup_operation/put")
        .run(local, &[&run, operation, backup, status, reason, started, finished])
        .await?;
    Ok(())
}
