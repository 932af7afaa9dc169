//! `POST /v1/system/services/reset`: a node becomes as new as on its first day.
//!
//! The answer is given first. Then the node is marked and the agent begins anew in the same process, as a start after a
//! crash: what a start finds marked it wipes (`crate::postgres`). So there is one way, whatever comes in between.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use keystead::api::system::{ResetAnswer, ResetRequest};
use keystead::member::reset::must_mean;
use keystead::{Error, Result};

use crate::agent::Agent;
use crate::hardening;

/// So that the answer is out before the door closes.
const DELAY_SECONDS: u64 = 5;

const LONGEST_SECONDS: u64 = 3600;

/// Resets this node in a moment.
///
/// # Errors
/// `InvalidParam` when the request does not name this node, which is called `name`.
pub(crate) fn begin(agent: &Arc<Agent>, asked: &ResetRequest, name: &str) -> Result<ResetAnswer> {
    let delay = asked.delay.unwrap_or(DELAY_SECONDS);
    if delay > LONGEST_SECONDS {
        return Err(Error::invalid_param(format!(
            "delay is at most {LONGEST_SECONDS} seconds"
        )));
    }
    agent.postgres.may_be_reset()?;
    must_be_confirmed(agent, asked, name)?;
    tracing::warn!(target: "audit", delay, "this node will be reset");
    let (resetting, stop) = (Arc::clone(agent), agent.tasks.stopping());
    agent.tasks.spawn_work("reset", async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(delay)) => reset(&resetting),
        }
    });
    Ok(ResetAnswer {
        status: "resetting".to_owned(),
        delay,
    })
}

/// Deleting everything is not asked for by mistake of the address.
fn must_be_confirmed(agent: &Agent, asked: &ResetRequest, name: &str) -> Result<()> {
    if asked.confirm.is_none() && agent.config.rest.reset_without_confirmation {
        return Ok(());
    }
    let identity = agent.identity().ok();
    let id = identity.as_ref().map(|identity| identity.node_id.as_str());
    must_mean(asked.confirm.as_deref(), name, id)
}

fn reset(agent: &Agent) {
    match agent.postgres.mark_for_reset() {
        Ok(()) => agent.tasks.ask_to_begin_anew(),
        Err(error) => tracing::error!(error = error.chain(), "this node could not be reset"),
    }
}

/// Puts a new agent in the place of this one, with the same arguments. Returns only when that fails.
pub(crate) fn begin_anew() -> Error {
    let mut arguments = std::env::args_os();
    // The file may have been replaced since; the kernel still has ours.
    let program = std::env::current_exe().ok().filter(|program| program.exists());
    let mut agent = Command::new(program.as_deref().unwrap_or(Path::new("/proc/self/exe")));
    if let Some(name) = arguments.next() {
        agent.arg0(name);
    }
    hardening::hand_over_capabilities();
    Error::internal("beginning anew", agent.args(arguments).exec())
}
