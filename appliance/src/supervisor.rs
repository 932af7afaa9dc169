//! What the supervisor (systemd) is told: ready, stopping, what is going on, and that no task of the agent hangs.
//!
//! Says nothing when there is no `NOTIFY_SOCKET`. The unit is `docs/keysteadd.service`.

use std::collections::BTreeSet;
use std::time::Duration;

use sd_notify::NotifyState;

use crate::tasks::Tasks;

/// The node takes traffic.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("running")]);
}

/// What the node is doing, for `systemctl status`.
pub(crate) fn status(text: &str) {
    tell(&[NotifyState::Status(text)]);
}

/// The node is going down because it was asked to.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// A task that has been at one round for so long hangs: it is told.
pub(crate) const HANGS: Duration = Duration::from_mins(1);

/// A task that has hung for so long is not waited for any longer: the supervisor starts the agent anew. PostgreSQL and
/// replication go on meanwhile.
const GIVEN_UP: Duration = Duration::from_mins(5);

/// So often the tasks are looked at where no supervisor waits for a sign.
const LOOK: Duration = Duration::from_secs(5);

/// Tells twice in each of the watchdog's periods that every task goes round, until the agent stops.
pub(crate) async fn watchdog(tasks: Tasks) {
    let stop = tasks.stopping();
    let period = sd_notify::watchdog_enabled().map_or(LOOK, |period| LOOK.min(period / 2));
    let mut ticks = tokio::time::interval(period.max(Duration::from_millis(1)));
    let mut told = BTreeSet::new();
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let hanging = tasks.overdue(HANGS);
        for name in hanging.keys().filter(|name| !told.contains(**name)) {
            tracing::error!(task = name, "a task hangs: it has been at one round for a minute");
        }
        told = hanging.keys().copied().collect();
        if hanging.values().all(|age| *age < GIVEN_UP) {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the supervisor does not listen");
    }
}
