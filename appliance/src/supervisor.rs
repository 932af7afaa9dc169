//! What the supervisor (systemd) is told: ready, stopping, what is going on, and that the agent is not stuck.
//!
//! Says nothing when there is no `NOTIFY_SOCKET`. The unit is `docs/keysteadd.service`.

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

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

/// Tells twice in each of the watchdog's periods that the runtime still runs tasks, until `stop`.
pub(crate) async fn watchdog(stop: CancellationToken) {
    let Some(period) = sd_notify::watchdog_enabled() else {
        return stop.cancelled().await;
    };
    let mut ticks = tokio::time::interval((period / 2).max(std::time::Duration::from_millis(1)));
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the supervisor does not listen");
    }
}
