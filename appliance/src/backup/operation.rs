//! One backup or restore at a time, and what became of the last one: kept, so that it is known after a crash too.

use chrono::{DateTime, Utc};
use keystead::alarm::Alarm;
use keystead::api::backup::BackupStatus;
use keystead::backup::Header;
use keystead::{Error, Result};
use tokio::sync::watch;

use crate::agent::Agent;
use crate::cluster::random_id;

const COMPLETED: &str = "Completed";
pub(super) const IN_PROGRESS: &str = "InProgress";
const FAILED: &str = "Failed";

/// What alarms about backups are about: there is one scope.
const SUBJECT: &str = "system";

/// What is done with a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Backup,
    Restore,
}

impl Deed {
    fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
        }
    }
}

/// The backup or restore that runs on this node, or the last one.
#[derive(Debug)]
pub(crate) struct Operations(watch::Sender<Now>);

#[derive(Debug)]
struct Now {
    status: BackupStatus,
    /// The backup that is being made.
    making: Option<Header>,
}

impl Default for Operations {
    fn default() -> Self {
        let none = BackupStatus {
            status: COMPLETED.to_owned(),
            operation: String::new(),
            backup: String::new(),
            reason: None,
            started: None,
            finished: None,
        };
        Self(watch::Sender::new(Now {
            status: none,
            making: None,
        }))
    }
}

impl Operations {
    /// How it is.
    pub(super) fn status(&self) -> BackupStatus {
        self.0.borrow().status.clone()
    }

    /// The backup that is being made now.
    pub(super) fn making(&self) -> Option<Header> {
        self.0.borrow().making.clone()
    }
}

/// One that runs. It must be given back to [`end`].
pub(super) struct Operation {
    /// Names it where it leaves something behind.
    pub(super) run: String,
    deed: Deed,
}

/// Begins one, unless another one runs.
pub(super) async fn begin(agent: &Agent, deed: Deed, backup: &str, making: Option<Header>) -> Result<Operation> {
    let begun = BackupStatus {
        status: IN_PROGRESS.to_owned(),
        operation: deed.name().to_owned(),
        backup: backup.to_owned(),
        reason: None,
        started: agent.clock.now().to_utc(),
        finished: None,
    };
    let mut running = None;
    agent.operations.0.send_if_modified(|now| {
        if now.status.status == IN_PROGRESS {
            running = Some(now.status.operation.clone());
            return false;
        }
        (now.status, now.making) = (begun.clone(), making);
        true
    });
    if let Some(running) = running {
        return Err(Error::conflict(format!("a {running} runs on this node"))
            .with_hint("wait until it has ended: `ksctl backup status` shows it"));
    }
    let operation = Operation { run: random_id(), deed };
    if let Err(error) = keep(agent, &operation.run, &begun).await {
        end(agent, operation, Err(&error)).await;
        return Err(error);
    }
    Ok(operation)
}

/// It has ended.
pub(super) async fn end(agent: &Agent, operation: Operation, outcome: Result<(), &Error>) {
    let status = ended(agent.operations.status(), agent.clock.now().to_utc(), outcome);
    if operation.deed == Deed::Backup {
        tell(agent, &status);
    }
    if let Err(error) = keep(agent, &operation.run, &status).await {
        tracing::warn!(error = error.chain(), "how a backup or restore ended could not be kept");
    }
    agent
        .operations
        .0
        .send_modify(|now| (now.status, now.making) = (status, None));
}

fn ended(running: BackupStatus, at: Option<DateTime<Utc>>, outcome: Result<(), &Error>) -> BackupStatus {
    let (status, reason) = match outcome {
        Ok(()) => (COMPLETED, None),
        Err(error) => {
            tracing::warn!(error = error.chain(), running.operation, "a backup or restore failed");
            (FAILED, Some(error.to_string()))
        }
    };
    BackupStatus {
        status: status.to_owned(),
        reason,
        finished: at,
        ..running
    }
}

/// Takes over what ran when the agent ended. `restored` is the run that the data comes from.
pub(super) async fn recover(agent: &Agent, restored: Option<String>) -> Result<()> {
    let local = agent.local.get().await?;
    let Some((run, mut status)) = sql::backup_operation::get(&local).await? else {
        return Ok(());
    };
    if status.status == IN_PROGRESS {
        let is_restored = status.operation == Deed::Restore.name() && restored.as_ref() == Some(&run);
        let outcome = if is_restored { COMPLETED } else { FAILED };
        outcome.clone_into(&mut status.status);
        status.finished = agent.clock.now().to_utc();
        if !is_restored {
            status.reason = Some(format!(
                "the agent ended during the {}; the data is as before it",
                status.operation
            ));
        }
        sql::backup_operation::put(&local, &run, &status).await?;
        if status.operation == Deed::Backup.name() {
            tell(agent, &status);
        }
    }
    agent.operations.0.send_modify(|now| now.status = status);
    Ok(())
}

fn tell(agent: &Agent, status: &BackupStatus) {
    match &status.reason {
        Some(reason) => agent
            .alarms
            .raise(Alarm::BackupFailed, SUBJECT, format!("{}: {reason}", status.backup)),
        None => agent.alarms.clear(Alarm::BackupFailed, SUBJECT),
    }
}

async fn keep(agent: &Agent, run: &str, status: &BackupStatus) -> Result<()> {
    Ok(sql::backup_operation::put(&*agent.local.get().await?, run, status).await?)
}
