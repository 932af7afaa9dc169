//! The loop that moves a join on: save, then act, then report.
//!
//! It holds no state of its own: what is saved decides, so after a crash the same loop goes on where it was.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keystead::join::retry::{Failing, PATIENCE, Verdict, pause};
use keystead::join::stage::{Event, Stage, Transition};
use keystead::peer::Report;
use keystead::{Error, Kind, NodeNumber, Result};
use tokio::sync::MutexGuard;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ledger::Ledger;
use super::source::address;
use super::watch::{Lost, Watch};
use super::{JoinState, need, room, stages, withdrawal};
use crate::agent::{Agent, Standing};
use crate::cluster::drop_pending_key;
use crate::links;
use crate::peers::call;

/// How long the next stage waits until the members' lists of nodes show this one.
const COURTESY: Duration = Duration::from_secs(5);

/// Finds a join that was running or had failed when the agent last stopped, and takes its standing over.
pub(crate) fn load(agent: &Arc<Agent>) -> Result<()> {
    if let Some(ledger) = agent.join.load()? {
        agent.stand(if ledger.stage.is_running() {
            Standing::Joining
        } else {
            Standing::Killed
        });
    }
    Ok(())
}

/// Goes on with a join that was found running, and with the end of one that had failed.
pub(crate) fn resume(agent: &Arc<Agent>) {
    match agent.standing() {
        Standing::Joining => spawn(agent),
        Standing::Killed => withdrawal::go_on(agent),
        Standing::Alone | Standing::Restoring | Standing::Member | Standing::Fenced | Standing::Removed => {}
    }
}

/// Saves the first ledger of a join and starts the loop.
pub(super) fn start(agent: &Arc<Agent>, ledger: Ledger) -> Result<()> {
    agent.join.begin(ledger)?;
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
    agent.join.ledger()
}

/// Changes what is saved of the join: saved first, then seen.
pub(super) fn update(agent: &Agent, change: impl FnOnce(&mut Ledger)) -> Result<Ledger> {
    agent.join.update(change)
}

async fn run(agent: &Arc<Agent>, stop: &CancellationToken) {
    let (mut tries, mut watch) = (Tries::new(), Watch::new());
    while let Ok(ledger) = ledger(agent)
        && ledger.stage.is_running()
        && !stop.is_cancelled()
    {
        tries.begin();
        let stage = ledger.stage;
        let ended = if ledger.reason.is_some() {
            give_up(agent, &ledger).await.map_err(Lost::Try)
        } else {
            try_once(agent, stage, &mut watch).await
        };
        match ended {
            Ok(()) => {
                tries.done();
                tell_members(agent).await;
            }
            Err(lost) => fail(agent, stage, lost, &mut tries).await,
        }
    }
}

async fn try_once(agent: &Arc<Agent>, stage: Stage, watch: &mut Watch) -> Result<(), Lost> {
    let error = tokio::select! {
        ran = stages::run(agent, stage) => match ran.and_then(|event| advance(agent, stage, event)) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        },
        lost = watch.until_lost(agent) => return Err(lost),
    };
    // A stage that ends at once leaves no time to look beside it.
    let lost = watch.look(agent).await.filter(Lost::is_final);
    Err(lost.unwrap_or(Lost::Try(error)))
}

/// How the tries of this agent went.
struct Tries {
    origin: Instant,
    begun: Duration,
    failures: u32,
    failing: Failing,
}

impl Tries {
    fn new() -> Self {
        Self {
            origin: Instant::now(),
            begun: Duration::ZERO,
            failures: 0,
            failing: Failing::default(),
        }
    }

    fn begin(&mut self) {
        self.begun = self.origin.elapsed();
    }

    fn done(&mut self) {
        self.failures = 0;
        self.failing.over();
    }

    fn verdict(&mut self, error: &Error) -> Verdict {
        self.failures += 1;
        self.failing.verdict(error.kind(), self.begun, self.origin.elapsed())
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
    agent.join.show(|join| {
        let fresh = JoinState::new(ledger);
        join.progress.stage = fresh.progress.stage;
        join.progress.because = fresh.progress.because;
        (join.progress.last_error, join.progress.place) = (None, None);
    });
    tracing::info!(stage = %row.to, because = row.because, "the join goes on");
    Ok(())
}

/// So that the members' lists of nodes show how far the join is. Only a courtesy: the next stage is told again.
async fn tell_members(agent: &Agent) {
    let told = tokio::time::timeout(COURTESY, tell_source(agent)).await;
    let untold = told
        .unwrap_or_else(|_| Err(Error::unavailable("the source takes long")))
        .err();
    if let Some(error) = untold {
        tracing::debug!(error = error.chain(), "the members could not be told of the stage");
    }
}

async fn tell_source(agent: &Agent) -> Result<()> {
    let ledger = ledger(agent)?;
    if !ledger.stage.is_running() {
        return Ok(());
    }
    let source = address(&ledger, ledger.source)?;
    let member = agent.peers.connect(&ledger.node_id, &ledger.target(source)).await?;
    call::ask(&member, &Report { stage: ledger.stage }).await
}

/// The node is a member: the identity is saved already, so the ledger may go.
fn finish(agent: &Agent, because: &str) -> Result<()> {
    drop_pending_key(agent)?;
    room::release(agent.postgres.paths());
    agent.join.end(|| agent.stand(Standing::Member))?;
    tracing::info!(because, "the join is done, this node is ready");
    Ok(())
}

async fn fail(agent: &Arc<Agent>, stage: Stage, lost: Lost, tries: &mut Tries) {
    let (error, verdict) = match lost {
        Lost::Try(error) => {
            let verdict = tries.verdict(&error);
            let again = verdict == Verdict::GiveUp && error.kind() == Kind::Unavailable;
            (if again { in_vain(error) } else { error }, verdict)
        }
        Lost::Join(error) => (error, Verdict::GiveUp),
    };
    if verdict == Verdict::GiveUp
        && let Err(failed) = condemn(agent, stage, &error)
    {
        tracing::warn!(error = failed.chain(), "the join could not be given up, trying again");
    }
    note(agent, stage, &error, tries.failures);
    tokio::time::sleep(pause(tries.failures)).await;
}

/// Shows what went wrong while the join tries again.
fn note(agent: &Agent, stage: Stage, error: &Error, failures: u32) {
    tracing::warn!(%stage, failures, error = error.chain(), "a stage of the join failed, trying again");
    agent
        .join
        .show(|join| join.progress.last_error = Some(error.to_string()));
}

/// What was worth another try has failed for too long.
fn in_vain(error: Error) -> Error {
    let text = format!(
        "the join has failed again and again for {} seconds: {error}",
        PATIENCE.as_secs()
    );
    Error::conflict(text)
        .with_hint("mend that, then join again; the log of this node says more")
        .caused_by(error)
}

/// From here on the join only ends, also after a crash.
fn condemn(agent: &Agent, stage: Stage, why: &Error) -> Result<()> {
    room::release(agent.postgres.paths());
    if ledger(agent)?.reason.is_some() {
        return Ok(());
    }
    tracing::error!(%stage, error = why.chain(), "giving the join up");
    update(agent, |ledger| ledger.condemn(why)).map(drop)
}

fn not_told(error: &Error) {
    tracing::warn!(
        error = error.chain(),
        "the members could not be told that the join was given up"
    );
}

/// Leaves nothing behind: the members forget this node, and it keeps nothing of them.
async fn give_up(agent: &Arc<Agent>, kept: &Ledger) -> Result<()> {
    let row = kept
        .stage
        .next(Event::GaveUp)
        .map_err(|source| Error::internal("giving a join up", source))?;
    need(agent, []);
    let told = withdrawal::tell(agent, kept).await.inspect_err(not_told);
    if told.as_ref().is_err_and(|error| error.kind() == Kind::Conflict) {
        // It has said that it is ready, and there is no way back from that.
        return update(agent, |ledger| ledger.reason = None).map(drop);
    }
    let_go(agent, row, told.is_ok()).await?;
    tracing::error!(reason = kept.reason, "the join was given up");
    withdrawal::go_on(agent);
    Ok(())
}

/// This node keeps nothing of the cluster, and nothing for it.
pub(super) async fn let_go(agent: &Arc<Agent>, row: &Transition, withdrawn: bool) -> Result<()> {
    let ledger = ledger(agent)?;
    room::release(agent.postgres.paths());
    if ledger.wiped {
        start_afresh(agent, &ledger).await?;
    } else {
        links::cut_all(agent).await?;
    }
    agent.set_identity(None).await?;
    update(agent, |ledger| {
        ledger.stage = row.to;
        row.because.clone_into(&mut ledger.because);
        ledger.withdrawn = withdrawn;
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
