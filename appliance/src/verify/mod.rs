//! Comparing this node with the others and mending what differs: asked for by `/v1/cluster/verify`, and now and then in
//! the background.
//!
//! What a difference is and what mends it is decided in `keystead::verify`. `look.rs` compares with all members,
//! `compare.rs` with one of them, `mend.rs` mends, `report.rs` says what came of it.

mod announce;
mod background;
mod compare;
mod look;
mod mend;
mod report;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use keystead::api::verify::{VerifyReport, VerifyState};
use keystead::{Error, Result};

pub(crate) use self::background::run as background;
use self::look::Looked;
use self::mend::Cures;
use crate::agent::Agent;
use crate::cluster;

/// How long a call waits for the end of what it began; well below the time after which clients hang up.
const ONE_CALL: Duration = Duration::from_secs(20);

/// How often mending goes on as long as it gets further: a look names a limited number of rows.
const ROUNDS: usize = 100;

/// How often mending is tried that met writers in a deadlock, or a connection that broke.
const TRIES: usize = 3;

/// How long the others may take to have what was mended.
const HEARD: Duration = Duration::from_secs(30);

/// Begins a verification; answers with its end, or with how far it is when that takes long.
///
/// # Errors
/// When this node is no member, or a verification runs.
pub(crate) async fn start(agent: &Arc<Agent>, repair: bool) -> Result<VerifyReport> {
    cluster::must_be_member(agent)?;
    let begun = report::begun(repair, agent.clock.now());
    let begins = agent.verify.send_if_modified(|latest| {
        let is_free = latest
            .as_ref()
            .is_none_or(|latest| latest.state != VerifyState::Running);
        if is_free {
            *latest = Some(begun);
        }
        is_free
    });
    if !begins {
        return Err(Error::conflict("a verification runs on this node").with_hint("wait until it has ended"));
    }
    let working = Arc::clone(agent);
    agent
        .tasks
        .spawn_work("verify", async move { run(&working, repair).await });
    let mut latest = agent.verify.subscribe();
    let ended = latest.wait_for(|latest| {
        latest
            .as_ref()
            .is_some_and(|latest| latest.state != VerifyState::Running)
    });
    // How far it is, is an answer too.
    let _ended = tokio::time::timeout(ONE_CALL, ended).await;
    self::latest(agent)
}

/// The verification that runs, or the last one.
///
/// # Errors
/// When none was asked for since the agent started.
pub(crate) fn latest(agent: &Agent) -> Result<VerifyReport> {
    let latest = agent.verify.borrow().clone();
    latest.ok_or_else(|| {
        Error::not_found("no verification was asked for on this node since it started")
            .with_hint("begin one with `ksctl cluster verify`")
    })
}

async fn run(agent: &Agent, repair: bool) {
    let outcome = work(agent, repair).await;
    let now = agent.clock.now();
    agent.verify.send_modify(|latest| {
        let Some(latest) = latest else { return };
        latest.ended_at = now.to_utc();
        match outcome {
            Ok(outcome) => report::done(latest, &outcome),
            Err(error) => report::failed(latest, &error),
        }
    });
}

/// What a verification found and did.
struct Outcome {
    /// The first look.
    first: Vec<Looked>,
    /// What was done to the rows that differed, when it was to be mended.
    cures: Cures,
    /// The look after all that was done; `None` when nothing was to be mended.
    last: Option<Vec<Looked>>,
}

async fn work(agent: &Agent, repair: bool) -> Result<Outcome> {
    let first = look::at_all(agent).await?;
    let mut outcome = Outcome {
        first,
        cures: Cures::new(),
        last: None,
    };
    if !repair {
        return Ok(outcome);
    }
    for _ in 0..ROUNDS {
        let latest = outcome.last.as_ref().unwrap_or(&outcome.first);
        let before = rows(latest);
        if before.is_empty() {
            break;
        }
        outcome.cures.extend(mend(agent, latest).await?);
        let reached: Vec<_> = latest
            .iter()
            .filter(|one| one.found.is_ok())
            .map(|one| one.member.number)
            .collect();
        // One that went away meanwhile is told by the next look.
        let _all = cluster::heard_by(agent, &reached, HEARD).await?;
        let again = look::at_all(agent).await?;
        let gets_further = !rows(&again).is_subset(&before);
        outcome.last = Some(again);
        if !gets_further {
            break;
        }
    }
    if outcome.last.is_none() {
        outcome.last = Some(look::at_all(agent).await?);
    }
    Ok(outcome)
}

async fn mend(agent: &Agent, looked: &[Looked]) -> Result<Cures> {
    for _ in 1..TRIES {
        match mend::mend(agent, looked).await {
            Err(error) => tracing::info!(error = error.chain(), "mending was cut off, trying again"),
            mended => return mended,
        }
    }
    mend::mend(agent, looked).await
}

/// Every row that differs from some member's.
fn rows(looked: &[Looked]) -> BTreeSet<(String, String)> {
    let found = looked.iter().filter_map(|one| one.found.as_ref().ok());
    found
        .flat_map(|found| &found.differences)
        .map(|one| (one.table.clone(), one.key.clone()))
        .collect()
}
