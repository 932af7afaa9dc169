//! What a task that goes round for ever is given: it says when it rests and when a round begins, and is told to stop.
//!
//! A task that has been at one round for long hangs on something, though the runtime runs all others. Which those are is
//! asked by the watchdog (`supervisor.rs`) and by the alarms (`alarm/facts.rs`); what comes of it is decided there. Next:
//! `tasks.rs`, which gives every task its pulse.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// See the head of this file.
pub(crate) struct Pulse {
    stop: CancellationToken,
    round: Arc<Round>,
}

/// When the round of a task began; nothing while it rests.
#[derive(Debug)]
pub(crate) struct Round(Mutex<Option<Instant>>);

impl Round {
    fn set(&self, began: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = began;
    }

    /// For how long the task has been at its round.
    pub(crate) fn age(&self) -> Option<Duration> {
        let began = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        began.map(|began| began.elapsed())
    }
}

impl Pulse {
    /// The pulse of a task that begins its first round now, and goes on until `stop`.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        let round = Arc::new(Round(Mutex::new(Some(Instant::now()))));
        Self { stop, round }
    }

    /// What others see of it.
    pub(crate) fn round(&self) -> Arc<Round> {
        Arc::clone(&self.round)
    }

    /// Is the task to go on? It is not when the agent stops.
    pub(crate) fn goes_on(&self) -> bool {
        !self.stop.is_cancelled()
    }

    /// Cancelled when the agent stops, for what the task starts beside itself.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Rests until `wake`, and begins a round with what that brings; nothing when the agent stops meanwhile.
    pub(crate) async fn rest<T>(&self, wake: impl Future<Output = T>) -> Option<T> {
        self.apart(self.stop.run_until_cancelled(wake)).await
    }

    /// Does work that may take as long as it takes, because it has bounds of its own: it is no part of a round.
    pub(crate) async fn apart<T>(&self, work: impl Future<Output = T>) -> T {
        self.round.set(None);
        let done = work.await;
        self.round.set(Some(Instant::now()));
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_is_at_a_round_but_when_it_rests() {
        let pulse = Pulse::new(CancellationToken::new());
        let round = pulse.round();
        assert!(round.age().is_some(), "the first round begins at once");
        let woken = pulse.rest(async { round.age() }).await;
        assert_eq!(woken, Some(None));
        assert!(round.age().is_some_and(|age| age < Duration::from_secs(20)));
        assert_eq!(pulse.apart(async { round.age() }).await, None);
        assert!(round.age().is_some());
    }

    #[tokio::test]
    async fn who_rests_is_woken_when_the_agent_stops_and_does_not_go_on() {
        let stop = CancellationToken::new();
        let pulse = Pulse::new(stop.clone());
        let resting = pulse.rest(std::future::pending::<()>());
        let ((), woken) = tokio::join!(async { stop.cancel() }, resting);
        assert_eq!(woken, None);
        assert!(!pulse.goes_on());
    }
}
