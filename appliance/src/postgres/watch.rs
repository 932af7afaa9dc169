//! Sees PostgreSQL die, says why, and starts it again: at once the first time, more and more patiently after that.
//!
//! This file decides the patience ([`Patience`], pure). A server whose single backend crashed mends itself and is left
//! alone. Next: `process.rs`, how it is started.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::logs;
use super::owned::Owned;
use super::postmaster::Postmaster;
use crate::pulse::Pulse;

/// Between two looks at the process.
const LOOK: Duration = Duration::from_millis(250);
/// Between two looks at the number of log files.
const TIDY: Duration = Duration::from_mins(1);

/// What is known of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// Nobody started it yet, or it was stopped.
    Stopped,
    /// On its way up.
    Starting,
    /// The process runs and took connections when it started.
    Running,
    /// It died or does not start; the text is for users.
    Failed(String),
    /// Somebody else runs it; only a connection can tell.
    Attached,
}

/// Keeps an owned server running until `stop`.
pub(super) async fn watch(owned: &Owned, pulse: Pulse) {
    let mut patience = Patience::new();
    let (mut up_since, mut tidied) = (Instant::now(), Instant::now());
    while pulse.rest(sleep(LOOK)).await.is_some() {
        if Postmaster::of(&owned.paths.pg()).is_some() {
            if tidied.elapsed() >= TIDY {
                tidied = Instant::now();
                tidy(owned);
            }
            continue;
        }
        let pause = patience.after(up_since.elapsed());
        told(owned, pause);
        if pulse.rest(sleep(pause)).await.is_none() {
            return;
        }
        // Not to be cut short: whoever stops PostgreSQL next must find the process that was just started.
        // How long a server may take to start is its own: it may have much to recover.
        pulse.apart(restart(owned)).await;
        up_since = Instant::now();
    }
}

fn told(owned: &Owned, pause: Duration) {
    let died = owned.does_not_run("PostgreSQL does not run");
    owned.status.send_replace(Status::Failed(died.to_string()));
    tracing::error!(
        error = died.chain(),
        pause_ms = pause.as_millis(),
        "starting PostgreSQL again"
    );
}

async fn restart(owned: &Owned) {
    let _turn = owned.turn.lock().await;
    if let Err(error) = owned.launch().await {
        tracing::error!(
            error = error.chain(),
            hint = error.hint(),
            "PostgreSQL could not be started"
        );
    }
}

fn tidy(owned: &Owned) {
    if let Err(error) = logs::prune(&owned.paths) {
        tracing::warn!(%error, folder = %owned.paths.log().display(), "cannot remove old log files");
    }
}

/// How long to wait before the next start.
#[derive(Debug)]
struct Patience {
    next: Duration,
}

impl Patience {
    const LEAST: Duration = Duration::from_millis(250);
    /// However often it dies, it is tried again within ten seconds.
    const MOST: Duration = Duration::from_secs(8);
    /// A server that was up for this long had overcome what killed it before.
    const STEADY: Duration = Duration::from_mins(1);

    fn new() -> Self {
        Self { next: Self::LEAST }
    }

    /// The pause before a start, for a server that was up for a while.
    fn after(&mut self, up_for: Duration) -> Duration {
        if up_for >= Self::STEADY {
            self.next = Self::LEAST;
        }
        let pause = self.next;
        self.next = (pause * 2).min(Self::MOST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_dies_again_and_again_is_started_more_and_more_patiently() {
        let mut patience = Patience::new();
        let pauses: Vec<u128> = (0..9).map(|_| patience.after(Duration::ZERO).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]);
        assert_eq!(patience.after(Duration::from_secs(59)).as_millis(), 8000);
        assert_eq!(patience.after(Duration::from_mins(1)).as_millis(), 250);
    }
}
