//! Takes the calls of peers as they come: each is answered in a task of its own, so that a slow one holds up no other.
//!
//! How many a caller may leave is decided by `peer.call`, how many of them are taken at a time by `sql::call::pending`. What
//! is answered: `answer.rs`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keystead::{Error, Result};
use sql::call::Call;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use super::answer;
use crate::agent::Agent;
use crate::pulse::Pulse;
use crate::wake::Wake;

/// Looks for calls this often even when nothing was heard: a notification may be lost with its connection.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How often calls that nobody came back for are deleted.
const FORGET_INTERVAL: Duration = Duration::from_mins(1);

/// The calls that are being answered.
#[derive(Default)]
struct InFlight {
    ids: Mutex<BTreeSet<i64>>,
    /// One was answered: of its caller, another may have been waiting.
    ended: Notify,
}

impl InFlight {
    fn ids(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers calls until the agent stops.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    let mut wake = Wake::new(agent.postgres.config(sql::database::CLUSTER), sql::call::CHANNEL);
    let in_flight = Arc::new(InFlight::default());
    let mut forget = tokio::time::interval(FORGET_INTERVAL);
    forget.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while pulse.goes_on() {
        take_pending(&agent, &in_flight)
            .await
            .unwrap_or_else(|error| not_now(&error));
        let woken = async {
            tokio::select! {
                () = in_flight.ended.notified() => false,
                _ = forget.tick() => true,
                () = wake.next(POLL_INTERVAL) => false,
            }
        };
        if pulse.rest(woken).await == Some(true) {
            forget_old(&agent).await.unwrap_or_else(|error| not_now(&error));
        }
    }
}

/// The next round tries again.
fn not_now(error: &Error) {
    tracing::debug!(error = error.chain(), "calls of peers cannot be read or deleted");
}

async fn take_pending(agent: &Arc<Agent>, in_flight: &Arc<InFlight>) -> Result<()> {
    for call in sql::call::pending(&*agent.db().await?).await? {
        if in_flight.ids().insert(call.id) {
            let (agent, in_flight) = (Arc::clone(agent), Arc::clone(in_flight));
            let tasks = agent.tasks.clone();
            tasks.spawn_work("call of a peer", take(agent, in_flight, call));
        }
    }
    Ok(())
}

async fn take(agent: Arc<Agent>, in_flight: Arc<InFlight>, call: Call) {
    answer::respond(&agent, &call).await;
    in_flight.ids().remove(&call.id);
    in_flight.ended.notify_one();
}

async fn forget_old(agent: &Agent) -> Result<()> {
    sql::call::forget_old(&*agent.db().await?).await?;
    Ok(())
}
