//! The gate before the checking of passwords: holds those who wait, and lets each go on when it is their turn.
//!
//! Who is let in and who is put off is decided in `keystead::login::gate`. This file keeps the sources that are known in
//! a file, and writes a line for each attempt. Next: `check.rs`, which goes through here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keystead::clock::Clock;
use keystead::login::gate::{Arrival, Gate, Next, Outcome, PutOff, Why};
use keystead::login::known::KnownSources;
use keystead::login::queue::Ticket;
use keystead::login::tally::Failures;
use keystead::login::{Attempt, Source};
use keystead::{Error, Result};
use tokio::sync::oneshot;

use crate::durable;

/// See the head of this file.
pub(crate) struct LoginGate {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    /// Where the known sources are written down, by one at a time.
    file: Mutex<PathBuf>,
}

struct State {
    gate: Gate,
    waiting: BTreeMap<Ticket, oneshot::Sender<Verdict>>,
}

/// What those who wait are told: it is their turn, or they are put off.
type Verdict = std::result::Result<(), PutOff>;

enum Place {
    Turn,
    Waits(oneshot::Receiver<Verdict>),
}

/// The right to have a password checked, now. Whoever drops it makes room for the next one.
pub(super) struct Turn {
    gate: Arc<LoginGate>,
    ticket: Ticket,
}

impl LoginGate {
    /// A gate that knows the sources that are written down in `file`.
    pub(crate) fn open(file: PathBuf, clock: Arc<dyn Clock>) -> Arc<Self> {
        let known = read(&file).unwrap_or_else(|cause| {
            tracing::warn!(file = %file.display(), %cause, "cannot read which sources have logged in before; none is known");
            KnownSources::default()
        });
        let state = State {
            gate: Gate::new(known),
            waiting: BTreeMap::new(),
        };
        Arc::new(Self {
            state: Mutex::new(state),
            clock,
            file: Mutex::new(file),
        })
    }

    /// Waits until it is this attempt's turn.
    ///
    /// # Errors
    /// `TooManyRequests` when it is put off.
    pub(super) async fn enter(self: &Arc<Self>, attempt: Attempt) -> Result<Turn> {
        let (ticket, place) = self.arrive(attempt).map_err(refused)?;
        // From here on its place is given up when the client goes away.
        let turn = Turn {
            gate: Arc::clone(self),
            ticket,
        };
        let Place::Waits(told) = place else {
            return Ok(turn);
        };
        match told.await {
            Ok(Ok(())) => Ok(turn),
            Ok(Err(put_off)) => Err(refused(put_off)),
            Err(cause) => Err(Error::internal("waiting for a turn to log in", cause)),
        }
    }

    /// What went wrong lately, and the source that tried the most.
    pub(crate) fn failures(&self) -> (Failures, Option<Source>) {
        self.state().gate.failures(self.clock.now())
    }

    /// May there be a line in the log of something that was not checked? How many were left out before.
    pub(super) fn may_log(&self) -> Option<u64> {
        self.state().gate.may_log(self.clock.now())
    }

    fn arrive(&self, attempt: Attempt) -> std::result::Result<(Ticket, Place), PutOff> {
        let mut state = self.state();
        match state.gate.arrive(attempt, self.clock.now()) {
            Arrival::Turn(ticket) => Ok((ticket, Place::Turn)),
            Arrival::Refused(put_off) => Err(put_off),
            Arrival::Waits(ticket, displaced) => {
                let (tell, told) = oneshot::channel();
                state.waiting.insert(ticket, tell);
                if let Some((displaced, put_off)) = displaced {
                    state.tell(displaced, Err(put_off));
                }
                Ok((ticket, Place::Waits(told)))
            }
        }
    }

    /// Lets the next one go on. Whether there are known sources to be written down.
    fn end(&self, ticket: Ticket, outcome: Option<Outcome>) -> bool {
        let mut state = self.state();
        state.waiting.remove(&ticket);
        let Next { turn, put_off, is_news } = state.gate.end(ticket, outcome, self.clock.now());
        for (ticket, put_off) in put_off {
            state.tell(ticket, Err(put_off));
        }
        if let Some(next) = turn {
            state.tell(next, Ok(()));
        }
        is_news
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down which sources are known. It decides whose turn comes, so it is no fault when it cannot be.
    fn write(&self) {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let text = serde_json::to_vec(self.state().gate.known()).unwrap_or_default();
        if let Err(cause) = durable::write(&file, &text, 0o600) {
            tracing::warn!(%cause, "cannot write down which sources have logged in before");
        }
    }
}

impl State {
    /// Whoever has gone away meanwhile ends its ticket itself.
    fn tell(&mut self, ticket: Ticket, told: Verdict) {
        let waiting = self.waiting.remove(&ticket);
        waiting.and_then(|waiting| waiting.send(told).ok());
    }
}

impl Turn {
    /// The check is over.
    pub(super) async fn judge(self, outcome: Outcome) {
        if self.gate.end(self.ticket, Some(outcome)) {
            let gate = Arc::clone(&self.gate);
            let written = tokio::task::spawn_blocking(move || gate.write());
            // That it could not be written was told.
            written.await.ok();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.gate.end(self.ticket, None);
    }
}

fn read(file: &std::path::Path) -> std::io::Result<KnownSources> {
    match std::fs::read(file) {
        Ok(text) => serde_json::from_slice(&text).map_err(std::io::Error::from),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(KnownSources::default()),
        Err(error) => Err(error),
    }
}

fn refused(PutOff { why, wait }: PutOff) -> Error {
    let text = match why {
        Why::Pair => "too many wrong passwords for this account from this address",
        Why::Source => "too many wrong passwords from this address",
        Why::Account => "too many wrong passwords for this account",
        Why::Full => "too many log-ins wait to be checked",
    };
    let refused = Error::too_many_requests(text, wait);
    let seconds = refused.retry_after().unwrap_or_default();
    refused.with_hint(format!("the password was not checked; try again in {seconds} s"))
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
