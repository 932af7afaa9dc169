//! Empties the spool of one syslog server, for as long as its entry stays as it is.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keystead::alarm::{Alarm, Severity};
use keystead::syslog::request::Sink;
use tokio::sync::Notify;

use super::connection::Connection;
use super::spool::{Next, Spool};
use super::{Served, speaker};
use crate::agent::Agent;

/// The longest pause before a server that is away is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

struct Worker {
    agent: Arc<Agent>,
    id: String,
    sink: Sink,
    spool: Arc<Mutex<Spool>>,
    wake: Arc<Notify>,
    connection: Option<Connection>,
    failures: u32,
}

/// Starts it; it ends when the entry changes or the agent stops.
pub(super) fn start(agent: &Arc<Agent>, id: &str, server: &Served) {
    let mut worker = Worker {
        agent: Arc::clone(agent),
        id: id.to_owned(),
        sink: server.sink.clone(),
        spool: Arc::clone(&server.spool),
        wake: Arc::clone(&server.wake),
        connection: None,
        failures: 0,
    };
    let stop = server.stop.clone();
    agent.tasks.spawn_work("syslog server", async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = worker.work() => {}
        }
    });
}

impl Worker {
    async fn work(&mut self) {
        // An alarm of a former life of this worker is over with its first success, or raised again.
        let mut trouble = true;
        loop {
            let next = self.spool().next();
            let sent = match &next {
                Ok(None) => {
                    self.wake.notified().await;
                    continue;
                }
                Ok(Some(next)) => self.send(next).await,
                Err(error) => Err(io::Error::new(error.kind(), "the spool cannot be read")),
            };
            match (sent, next) {
                (Ok(()), Ok(Some(next))) => {
                    self.done(&next);
                    if std::mem::take(&mut trouble) {
                        self.agent.alarms.clear(Alarm::SinkUnreachable, &self.id);
                    }
                }
                (Err(error), _) => {
                    trouble = true;
                    self.failed(&error).await;
                }
                (Ok(()), _) => {}
            }
        }
    }

    async fn send(&mut self, next: &Next) -> io::Result<()> {
        let line = match next {
            Next::Message(message, _) => self.sink.format.write(message),
            Next::Dropped(count) => self.sink.format.write(&speaker(&self.agent).dropped(&self.id, *count)),
        };
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.sink).await?,
        };
        connection.send(&self.sink.transport.frame(&line)).await?;
        self.connection = Some(connection);
        Ok(())
    }

    fn done(&mut self, next: &Next) {
        self.failures = 0;
        let mut spool = self.spool();
        if let Err(error) = spool.done(next) {
            tracing::warn!(id = self.id, %error, "what was sent to a syslog server could not be noted");
        }
        let counts = spool.counts();
        drop(spool);
        self.agent.syslog.count(&self.id, Some(counts));
    }

    /// Says so, and waits longer each time.
    async fn failed(&mut self, error: &io::Error) {
        let Sink { host, port, .. } = &self.sink;
        let text = format!(
            "{host}:{port} takes no messages by {}: {error}",
            self.sink.transport.name()
        );
        let severity = if self.spool().counts().dropped > 0 {
            Severity::Error
        } else {
            Severity::Warning
        };
        self.agent
            .alarms
            .raise_as(severity, Alarm::SinkUnreachable, &self.id, text);
        let pause = Duration::from_secs(1 << self.failures.min(5)).min(LONGEST_PAUSE);
        self.failures += 1;
        tokio::time::sleep(pause).await;
    }

    fn spool(&self) -> std::sync::MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
