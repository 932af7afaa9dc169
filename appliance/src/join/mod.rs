//! Joining a cluster, on the node that joins.
//!
//! `begin` checks everything while nothing is touched, `driver` then runs the stages: save, act, report. What may
//! follow what is the table in `keystead::join::stage`; the work of each stage is in `stages/`, one file each.

mod abort;
mod begin;
mod clear;
mod driver;
mod examine;
mod kept;
mod ledger;
mod preflight;
mod room;
mod source;
mod stages;
mod watch;
mod withdrawal;

use keystead::NodeNumber;
use keystead::join::progress::Progress;
use keystead::join::silence::{Need, Needs};
use keystead::join::stage::Stage;

pub(crate) use abort::abort;
pub(crate) use begin::begin;
pub(crate) use clear::clear;
pub(crate) use driver::{Driving, load, resume};
pub(crate) use examine::examine;
pub(crate) use kept::KeptJoin;
use ledger::Ledger;
pub(crate) use room::make_room;

use crate::agent::Agent;

/// The join of this node, as the driver last reported it.
#[derive(Debug, Clone)]
pub(crate) struct JoinState {
    /// What is saved.
    pub(crate) ledger: Ledger,
    /// What a client sees.
    pub(crate) progress: Progress,
    /// The members that the stage waits for now.
    pub(crate) needs: Needs,
}

impl JoinState {
    fn new(ledger: Ledger) -> Self {
        let progress = Progress {
            stage: ledger.stage.label().replace('_', " "),
            because: ledger.because.clone(),
            ..Progress::default()
        };
        Self {
            ledger,
            progress,
            needs: Needs::new(),
        }
    }

    /// Why the join ended without a member, if it did.
    pub(crate) fn killed(&self) -> Option<&str> {
        (self.ledger.stage == Stage::Killed).then(|| self.ledger.reason.as_deref().unwrap_or("unknown"))
    }

    /// Is the join in the midst of making this node's data anew?
    pub(crate) fn is_wiping(&self) -> bool {
        self.ledger.wiped && self.ledger.stage.is_running()
    }
}

/// From now on the join waits for these members.
fn need(agent: &Agent, members: impl IntoIterator<Item = (NodeNumber, Need)>) {
    agent.join.show(|join| join.needs = members.into_iter().collect());
}

/// The join does not wait for this member any more.
fn go_on_without(agent: &Agent, member: NodeNumber) {
    agent.join.show(|join| {
        join.needs.remove(&member);
    });
}

/// The members that the join waits for.
fn needs(agent: &Agent) -> Needs {
    agent
        .join
        .borrow()
        .as_ref()
        .map(|join| join.needs.clone())
        .unwrap_or_default()
}
