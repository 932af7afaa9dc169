//! Messages to syslog servers: taken from anywhere at once, kept on disk, sent by one worker for each server.
//!
//! Nobody who has something to say waits for a server: [`Syslog::send`] only puts it down. This task writes it into the
//! spool of every server (`spool.rs`), and each server's worker (`worker.rs`) empties its own. So a server that is away
//! or slow holds up neither users nor the other servers. What a message says is `keystead::syslog`.

mod connection;
mod entries;
mod spool;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keystead::Result;
use keystead::alarm::Alarm;
use keystead::syslog::request::Sink;
use keystead::syslog::{Message, Speaker};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::spool::Spool;
use crate::agent::{Agent, Standing};
use crate::blocking::in_place;
use crate::pulse::Pulse;

pub(crate) use entries::{change, create, delete, get, list};

/// How often the list of servers is looked at: a change made on another node is found by this.
const PERIOD: Duration = Duration::from_secs(3);

/// Messages that may wait to be written down; alarms are rare.
const WAITING: usize = 1000;

/// Takes messages.
#[derive(Debug)]
pub(crate) struct Syslog {
    sender: mpsc::Sender<Message>,
    receiver: tokio::sync::Mutex<mpsc::Receiver<Message>>,
    changed: Notify,
    counts: Mutex<BTreeMap<String, Counts>>,
}

/// How it goes with one server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Bytes that wait on disk.
    pub(crate) waiting_bytes: u64,
    /// Messages dropped since the agent was started.
    pub(crate) dropped: u64,
}

impl Syslog {
    /// Nothing was said yet.
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        Self {
            sender,
            receiver: tokio::sync::Mutex::new(receiver),
            changed: Notify::new(),
            counts: Mutex::default(),
        }
    }

    /// Says something to all servers. Never waits.
    pub(crate) fn send(&self, message: Message) {
        if self.sender.try_send(message).is_err() {
            tracing::warn!("a message for syslog was dropped: too many wait to be written down");
        }
    }

    /// How it goes with each server, by its id.
    pub(crate) fn counts(&self) -> BTreeMap<String, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, id: &str, counts: Option<Counts>) {
        let mut all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts {
            Some(counts) => drop(all.insert(id.to_owned(), counts)),
            None => drop(all.remove(id)),
        }
    }
}

/// Who this node is in its messages.
pub(crate) fn speaker(agent: &Agent) -> Speaker {
    Speaker {
        host: agent.config.name_or(&crate::api::host_name()).to_owned(),
        pid: std::process::id(),
        at: agent.clock.now(),
    }
}

/// A server that is being served.
struct Served {
    sink: Sink,
    spool: Arc<Mutex<Spool>>,
    wake: Arc<Notify>,
    stop: CancellationToken,
}

/// Writes messages down and keeps a worker for each server, until the agent stops.
pub(crate) async fn run(agent: Arc<Agent>, pulse: Pulse) {
    let mut served = BTreeMap::new();
    let mut receiver = agent.syslog.receiver.lock().await;
    let mut known = false;
    while pulse.goes_on() {
        known |= look(&agent, &mut served, pulse.stop()).await;
        let again = Instant::now() + PERIOD;
        // Before the list was read once, messages wait for it.
        while let Some(Some(message)) = pulse.rest(next(&agent, &mut receiver, known, again)).await {
            put_down(&agent, &served, &message);
        }
    }
}

/// The next message; nothing when the list of servers is to be looked at first.
async fn next(agent: &Agent, receiver: &mut mpsc::Receiver<Message>, known: bool, again: Instant) -> Option<Message> {
    tokio::select! {
        () = agent.syslog.changed.notified() => None,
        () = sleep_until(again) => None,
        message = receiver.recv(), if known => message,
    }
}

/// Brings the workers to the list of servers. Was it read?
async fn look(agent: &Arc<Agent>, served: &mut BTreeMap<String, Served>, stop: &CancellationToken) -> bool {
    // A join makes the list anew; the servers of before are served until it is there.
    if agent.standing() == Standing::Joining {
        return false;
    }
    let done = reconcile(agent, served, stop).await;
    if let Err(error) = &done {
        tracing::debug!(error = error.chain(), "the syslog servers could not be read");
    }
    done.is_ok()
}

fn put_down(agent: &Agent, served: &BTreeMap<String, Served>, message: &Message) {
    for (id, server) in served {
        let mut spool = server.spool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = in_place(|| spool.add(message)) {
            tracing::warn!(id, %error, "a message for a syslog server could not be written down");
        }
        agent.syslog.count(id, Some(spool.counts()));
        server.wake.notify_one();
    }
}

/// Starts and ends workers until they are those of the list.
async fn reconcile(agent: &Arc<Agent>, workers: &mut BTreeMap<String, Served>, stop: &CancellationToken) -> Result<()> {
    let entries = sql::syslog::all(&*agent.db().await?).await?;
    let gone = |id: &String| !entries.iter().any(|entry| entry.id == *id);
    for (id, server) in workers.extract_if(.., |id, _| gone(id)) {
        server.stop.cancel();
        agent.syslog.count(&id, None);
        agent.alarms.clear(Alarm::SinkUnreachable, &id);
    }
    let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    spool::forget_others(&folder(agent), &ids);
    for entry in entries {
        if workers.get(&entry.id).is_some_and(|server| server.sink == entry.sink) {
            continue;
        }
        let before = workers.remove(&entry.id);
        let server = serve(agent, &entry.id, entry.sink, before, stop)?;
        workers.insert(entry.id, server);
    }
    Ok(())
}

/// Starts a worker. What waits for the server waits on when only its entry has changed.
fn serve(agent: &Arc<Agent>, id: &str, sink: Sink, before: Option<Served>, stop: &CancellationToken) -> Result<Served> {
    let spool = match before {
        Some(before) => {
            before.stop.cancel();
            before.spool
        }
        None => Arc::new(Mutex::new(Spool::open(&folder(agent), id)?)),
    };
    let server = Served {
        sink,
        spool,
        wake: Arc::new(Notify::new()),
        stop: stop.child_token(),
    };
    tracing::info!(id, host = server.sink.host, "sending alarms to a syslog server");
    worker::start(agent, id, &server);
    Ok(server)
}

fn folder(agent: &Agent) -> PathBuf {
    agent.postgres.paths().data_dir().join("syslog")
}
