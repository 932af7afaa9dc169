//! The loop that moves a join on: save, then act, then report.
//!
//! It holds no state of its own: what is saved decides, so after a crash the same loop goes on where it was.

use std::sync::{Arc, Mutex, PoisonError};

use keystead::join::retry::{Verdict, pause, verdict};
use keystead::join::stage::{Event, Stage, Transition};
use keystead::peer::Report;
use keystead::{Error, NodeNumber, Result};
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

use super::ledger::Ledger;
use super::{JoinState, stages, withdrawal};
use crate::agent::{Agent, Standing};
use crate::cluster::drop_pending_key;
use crate::links;
use crate::peers::{call, connect};

/// Finds a join that was running or had failed when the agent last stopped, and takes its standing over.
pub(crate) fn load(agent: &Arc<Agent>) -> Result<()> {
    if let Some(ledger) = Ledger::load(agent.postgres.paths())? {
        agent.stand(if ledger.stage.is_running() {
            Standing::Joining
        } else {
            Standing::Killed
        });
        agent.join.send_replace(Some(JoinState::new(ledger)));
    }
    Ok(())
}

/// Goes on with a join that was found running.
pub(crate) fn resume(agent: &Arc<Agent>) {
    if agent.standing() == Standing::Joining {
        spawn(agent);
    }
}

/// Saves the first ledger of a join and starts the loop.
pub(super) fn start(agent: &Arc<Agent>, ledger: Ledger) -> Result<()> {
    ledger.save(agent.postgres.paths())?;
    agent.join.send_replace(Some(JoinState::new(ledger)));
    agent.stand(Standing::Joining);
    spawn(agent);
    Ok(())
}

fn spawn(agent: &Arc<Agent>) {
    let (working, stop) = (Arc::clone(agent), agent.tasks.stopping().child_token());
    *agent.driving.stop.lock().unwrap_or_else(PoisonError::into_inner) = stop.clone();
    agent.tasks.spawn_work("join", async move {
        let _driving = working.driving.running.lock().await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = run(&working, &stop) => {}
        }
    });
}

/// The loop as others see it: one runs at a time, and it can be stopped where it stands.
#[derive(Default)]
pub(crate) struct Driving {
    running: tokio::sync::Mutex<()>,
    stop: Mutex<CancellationToken>,
}

impl Driving {
    /// Stops the loop where it stands, as a crash does, and keeps it from running until what is returned is dropped.
    pub(super) async fn halt(&self) -> MutexGuard<'_, ()> {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).cancel();
        self.running.lock().await
    }
}

/// What is saved of the join.
///
/// # Errors
/// When there is no join; the driver never asks then.
pub(super) fn ledger(agent: &Agent) -> Result<Ledger> {
    let join = agent.join.borrow();
    join.as_ref()
        .map(|join| join.ledger.clone())
        .ok_or_else(|| Error::conflict("no join is running on this node"))
}

/// Changes what is saved of the join: saved first, then seen.
pub(super) fn update(agent: &Agent, change: impl FnOnce(&mut Ledger)) -> Result<Ledger> {
    let mut ledger = ledger(agent)?;
    change(&mut ledger);
    ledger.save(agent.postgres.paths())?;
    agent.join.send_modify(|join| {
        if let Some(join) = join {
            join.ledger = ledger.clone();
        }
    });
    Ok(ledger)
}

async fn run(agent: &Arc<Agent>, stop: &CancellationToken) {
    let mut failures = 0;
    while let Ok(stage) = ledger(agent).map(|ledger| ledger.stage)
        && stage.is_running()
        && !stop.is_cancelled()
    {
        let moved = match stages::run(agent, stage).await {
            Ok(event) => advance(agent, stage, event),
            Err(error) => Err(error),
        };
        match moved {
            Ok(()) => {
                failures = 0;
                tell_members(agent).await;
            }
            Err(error) => {
                failures += 1;
                fail(agent, stage, error, failures).await;
            }
        }
    }
}

fn advance(agent: &Arc<Agent>, stage: Stage, event: Event) -> Result<()> {
    let row = stage
        .next(event)
        .map_err(|source| Error::internal("moving a join on", source))?;
    if row.to == Stage::Ready {
        return finish(agent, row.because);
    }
    let ledger = update(agent, |ledger| {
        ledger.stage = row.to;
        row.because.clone_into(&mut ledger.because);
    })?;
    agent.join.send_modify(|join| {
        if let Some(join) = join {
            let fresh = JoinState::new(ledger);
            join.progress.stage = fresh.progress.stage;
            join.progress.because = fresh.progress.because;
            (join.progress.last_error, join.progress.place) = (None, None);
        }
    });
    tracing::info!(stage = %row.to, because = row.because, "the join goes on");
    Ok(())
}

/// So that the members' lists of nodes show how far the join is. Only a courtesy: the next stage is told again.
async fn tell_members(agent: &Agent) {
    let told = async {
        let ledger = ledger(agent)?;
        let member = connect::connect(agent.postgres.paths(), &ledger.node_id, &ledger.member).await?;
        call::ask(&member, &Report { stage: ledger.stage }).await
    };
    if let Err(error) = told.await {
        tracing::debug!(error = error.chain(), "the members could not be told of the stage");
    }
}

/// The node is a member: the identity is saved already, so the ledger may go.
fn finish(agent: &Agent, because: &str) -> Result<()> {
    drop_pending_key(agent)?;
    Ledger::remove(agent.postgres.paths())?;
    agent.stand(Standing::Member);
    agent.join.send_replace(None);
    tracing::info!(because, "the join is done, this node is ready");
    Ok(())
}

async fn fail(agent: &Arc<Agent>, stage: Stage, error: Error, failures: u32) {
    let over = match verdict(error.kind()) {
        Verdict::TryAgain => false,
        Verdict::GiveUp => give_up(agent, stage, &error).await.is_ok(),
    };
    if !over {
        note(agent, stage, &error, failures);
        tokio::time::sleep(pause(failures)).await;
    }
}

/// Shows what went wrong while the join tries again.
fn note(agent: &Agent, stage: Stage, error: &Error, failures: u32) {
    tracing::warn!(%stage, failures, error = error.chain(), "a stage of the join failed, trying again");
    agent.join.send_modify(|join| {
        if let Some(join) = join {
            join.progress.last_error = Some(error.to_string());
        }
    });
}

/// Leaves nothing behind: the members forget this node, and it keeps nothing of them.
async fn give_up(agent: &Arc<Agent>, stage: Stage, why: &Error) -> Result<()> {
    let row = stage
        .next(Event::GaveUp)
        .map_err(|source| Error::internal("giving a join up", source))?;
    let kept = ledger(agent)?;
    if let Err(error) = withdrawal::tell(agent, &kept).await {
        tracing::warn!(
            error = error.chain(),
            "the members could not be told; remove this node on one of them"
        );
    }
    let_go(agent, row, why).await?;
    tracing::error!(%stage, error = why.chain(), "the join was given up");
    Ok(())
}

/// This node keeps nothing of the cluster, and nothing for it.
pub(super) async fn let_go(agent: &Arc<Agent>, row: &Transition, why: &Error) -> Result<()> {
    let ledger = ledger(agent)?;
    if ledger.wiped {
        start_afresh(agent, &ledger).await?;
    } else {
        links::cut_all(agent).await?;
    }
    agent.set_identity(None).await?;
    update(agent, |ledger| {
        ledger.stage = row.to;
        row.because.clone_into(&mut ledger.because);
        ledger.reason = Some(
            why.hint()
                .map_or_else(|| why.to_string(), |hint| format!("{why} ({hint})")),
        );
    })?;
    agent.stand(Standing::Killed);
    Ok(())
}

/// What the node holds of the cluster is half a copy, so it goes; its accounts of before come back.
async fn start_afresh(agent: &Arc<Agent>, ledger: &Ledger) -> Result<()> {
    stages::wipe(agent, NodeNumber::FIRST).await?;
    agent.open_keyring().await?;
    let db = agent.db().await?;
    for account in &ledger.former_accounts {
        sql::account::restore(&db, account).await?;
    }
    Ok(())
}
