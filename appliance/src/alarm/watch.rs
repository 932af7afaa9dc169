//! The task that looks every few seconds, judges, and writes and tells what changed.
//!
//! What is raised stands in this node's rows, so a look after a restart goes on where the last one was. While the
//! database does not answer, what changes is told all the same, and written when it does (`unwritten.rs`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keystead::Result;
use keystead::alarm::change::{Change, Settling, changes};
use keystead::alarm::judge::judge;
use keystead::alarm::{Cause, Finding, Raised};
use keystead::clock::Micros;
use tokio::time::timeout;

use super::facts::Eyes;
use super::unwritten::Unwritten;
use crate::agent::{Agent, Standing};
use crate::pulse::Pulse;
use crate::syslog;

const PERIOD: Duration = Duration::from_secs(3);

/// Carried from look to look.
#[derive(Default)]
struct Watch {
    eyes: Eyes,
    settling: Settling,
    /// What was told last: everything that is raised, as far as this agent knows.
    told: Option<BTreeMap<Cause, Raised>>,
    /// What was told and is not written yet.
    unwritten: Unwritten,
}

/// Watches until the agent stops.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    let mut watch = Watch::default();
    while pulse.goes_on() {
        // A join makes the database anew; what it has to say is in its own progress.
        if agent.standing() != Standing::Joining {
            watch.round(&agent).await;
        }
        pulse.rest(timeout(PERIOD, agent.alarms.changed())).await;
    }
}

impl Watch {
    async fn round(&mut self, agent: &Agent) {
        let now = agent.clock.now();
        let raised = self.raised(agent).await;
        let facts = self.eyes.look(agent, now).await;
        let told = agent.alarms.pending();
        let mut list = changes(&raised, &judge(&facts, &raised), &told, &mut self.settling, now);
        for event in agent.alarms.events() {
            let cause = event.cause.clone();
            list.extend([Change::Raise(event), Change::Clear(cause)]);
        }
        let mut known = self.told.take().unwrap_or_else(|| raised.clone());
        for change in &list {
            tell(agent, &mut known, change, now);
        }
        self.unwritten.add(list, now);
        match self.unwritten.write(agent).await {
            Ok(()) => agent.alarms.forget_done(&known),
            Err(error) => tracing::debug!(error = error.chain(), "alarms could not be written, trying again"),
        }
        self.told = Some(known);
    }

    /// What is raised: by the rows, when they have all that was told, else by what was told.
    async fn raised(&mut self, agent: &Agent) -> BTreeMap<Cause, Raised> {
        let written = match self.unwritten.write(agent).await {
            Ok(()) => written(agent).await.ok(),
            Err(_) => None,
        };
        written.unwrap_or_else(|| self.told.clone().unwrap_or_default())
    }
}

/// What the rows of this node say.
async fn written(agent: &Agent) -> Result<BTreeMap<Cause, Raised>> {
    Ok(sql::alarm::raised(&*agent.db().await?).await?)
}

/// Tells a change, unless it was told before and could not be written then.
fn tell(agent: &Agent, known: &mut BTreeMap<Cause, Raised>, change: &Change, now: Micros) {
    match change {
        Change::Raise(finding) => {
            let before = known.insert(finding.cause.clone(), raised(finding, now));
            if before.is_none_or(|before| finding.severity < before.severity) {
                tell_raised(agent, finding);
            }
        }
        Change::Retell(finding) => drop(known.insert(finding.cause.clone(), raised(finding, now))),
        Change::Clear(cause) => {
            if known.remove(cause).is_some() {
                tell_cleared(agent, cause);
            }
        }
    }
}

fn tell_raised(agent: &Agent, finding: &Finding) {
    let (alarm, subject) = (finding.cause.alarm.id(), &finding.cause.subject);
    let (severity, text) = (finding.severity, &finding.text);
    tracing::warn!(target: "alarm", alarm, subject, %severity, text, "raised");
    agent.syslog.send(syslog::speaker(agent).raised(finding));
}

fn tell_cleared(agent: &Agent, cause: &Cause) {
    tracing::info!(target: "alarm", alarm = cause.alarm.id(), subject = cause.subject, "cleared");
    agent
        .syslog
        .send(syslog::speaker(agent).cleared(cause.alarm, &cause.subject));
}

fn raised(finding: &Finding, now: Micros) -> Raised {
    Raised {
        severity: finding.severity,
        text: finding.text.clone(),
        told: now,
    }
}

/// What this node is called in its alarms: its id in a cluster, else its name.
pub(super) fn source(agent: &Agent) -> String {
    agent.identity().map_or_else(
        |_| agent.config.name_or(&crate::api::host_name()).to_owned(),
        |identity| identity.node_id.to_string(),
    )
}
