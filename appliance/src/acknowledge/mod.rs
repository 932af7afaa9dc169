//! Writes that are acknowledged when others have them too: begun with enough others there, ended with an answer in time.
//!
//! What a request may ask is decided in `keystead::replication::ack`; the waiting itself is PostgreSQL's. This file never
//! lets a write pass for more than it is: confirmed by all that were asked for, written here alone, not written, or not
//! known. Next: `standbys.rs`, which tells PostgreSQL whom to wait for.

mod property;
mod standbys;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keystead::join::request::Address;
use keystead::replication::ack::{self, Ack, Operation, Terms, Written};
use keystead::{Error, Result};
use sql::wait::{Ended, Writer, Writers};
use sql::{Connection, Pooled};
use tokio::time::{Instant, sleep};

pub(crate) use property::{get, must_be_member, set};
pub(crate) use standbys::{forget, keep};

use crate::agent::{Agent, Standing};
use crate::deadlocks::TRIES;

/// A link that breaks and comes back by itself, as after a deadlock of its worker, does so within this.
const GRACE: Duration = Duration::from_millis(1500);

/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(25);

/// What this node goes by, and the connections for writes that wait.
pub(crate) struct Acknowledging {
    writers: Writers,
    in_force: Mutex<Option<Arc<InForce>>>,
    /// Since when too few others are there, as far as writes have met it.
    short_since: Mutex<Option<Instant>>,
    /// Held while PostgreSQL is told.
    telling: tokio::sync::Mutex<()>,
}

/// What PostgreSQL was told last.
struct InForce {
    terms: Terms,
    /// Links to the other members, with where those are.
    links: BTreeMap<String, Address>,
}

impl Acknowledging {
    /// Nothing is known yet.
    pub(crate) fn new(writers: Writers) -> Self {
        Self {
            writers,
            in_force: Mutex::default(),
            short_since: Mutex::default(),
            telling: tokio::sync::Mutex::default(),
        }
    }

    /// Connects for all writes that may wait at once. How many connections were made.
    pub(crate) async fn fill(&self) -> Result<usize> {
        Ok(self.writers.fill().await?)
    }

    fn known(&self) -> MutexGuard<'_, Option<Arc<InForce>>> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is this the end of what a link may be away for by itself?
    fn is_short_for_long(&self) -> bool {
        let mut since = self.short_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get_or_insert_with(Instant::now).elapsed() >= GRACE
    }

    fn is_not_short(&self) {
        *self.short_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// One write, with a connection of the right kind and the time by which it is answered.
pub(crate) struct Write<'a> {
    agent: &'a Agent,
    /// What it is acknowledged with when it ends well.
    pub(crate) ack: Ack,
    db: Db,
    deadline: Instant,
}

enum Db {
    Local(Pooled),
    Waiting(Writer),
}

/// A write that was made, and whether those it waited for have it.
#[must_use]
pub(crate) struct Made<T> {
    ended: Ended<T>,
    ack: Ack,
}

impl<T> Made<T> {
    /// What it answered.
    pub(crate) fn value(&self) -> &T {
        &self.ended.value
    }

    /// What it is acknowledged with.
    ///
    /// # Errors
    /// When it is not: that it was `written` all the same.
    pub(crate) fn acknowledged(self, written: impl FnOnce() -> Written) -> Result<Ack> {
        if self.ended.is_confirmed {
            return Ok(self.ack);
        }
        let written = written();
        tracing::warn!(id = written.id, ack = %self.ack, "a write was not confirmed by others in time");
        Err(ack::unconfirmed(self.ack, written))
    }
}

/// Begins a write for a request that asks for this acknowledgement, or for none.
pub(crate) async fn begin(agent: &Agent, asked: Option<Ack>, operation: Operation) -> Result<Write<'_>> {
    let deadline = Instant::now() + agent.config.replication.ack_timeout;
    let ack = in_force(agent).await?.terms.effective(asked, operation)?;
    let db = match ack {
        Ack::Local => Db::Local(agent.db().await?),
        Ack::Any(_) => Db::Waiting(agent.acknowledging.writers.get(deadline).await?),
    };
    Ok(Write {
        agent,
        ack,
        db,
        deadline,
    })
}

/// What PostgreSQL was told; told now when it was not yet.
async fn in_force(agent: &Agent) -> Result<Arc<InForce>> {
    if agent.standing() != Standing::Member {
        return Ok(Arc::new(InForce {
            terms: Terms::default(),
            links: BTreeMap::new(),
        }));
    }
    let known = agent.acknowledging.known().clone();
    match known {
        Some(in_force) => Ok(in_force),
        None => standbys::tell(agent).await,
    }
}

impl Write<'_> {
    /// Where to write.
    pub(crate) fn db(&self) -> &Connection {
        match &self.db {
            Db::Local(db) => db,
            Db::Waiting(writer) => writer,
        }
    }

    /// How many others the write's commit is to wait for: a parameter of every statement that writes.
    pub(crate) fn peers(&self) -> u8 {
        self.ack.peers()
    }

    /// Makes the write, which is one statement. Again where nothing of it has happened and doing it again helps.
    pub(crate) async fn make<T, F>(&self, mut write: impl FnMut() -> F) -> Result<Made<T>>
    where
        F: Future<Output = sql::Result<T>>,
    {
        let mut tries = 1;
        loop {
            match self.once(write()).await {
                Err(error) if error.is_deadlock() && tries < TRIES => {
                    tracing::debug!("a write met another and is done again");
                    tries += 1;
                }
                Err(error) if error.is_short_of_peers() && self.may_wait_for_peers() => sleep(LOOK).await,
                Err(error) => return Err(self.refusal(error).await),
                Ok(ended) => {
                    if self.ack != Ack::Local {
                        self.agent.acknowledging.is_not_short();
                    }
                    return Ok(Made { ended, ack: self.ack });
                }
            }
        }
    }

    async fn once<T>(&self, write: impl Future<Output = sql::Result<T>>) -> sql::Result<Ended<T>> {
        match &self.db {
            Db::Local(_) => write.await.map(|value| Ended {
                value,
                is_confirmed: true,
            }),
            Db::Waiting(writer) => writer.ended(self.deadline, write).await,
        }
    }

    fn may_wait_for_peers(&self) -> bool {
        !self.agent.acknowledging.is_short_for_long() && Instant::now() + LOOK < self.deadline
    }

    async fn refusal(&self, error: sql::Error) -> Error {
        if error.is_short_of_peers() {
            let missing = self.missing().await.unwrap_or_default();
            return ack::short_of_peers(self.ack, &missing).caused_by(error);
        }
        if self.ack == Ack::Local {
            return error.into();
        }
        if error.is_given_up() {
            let seconds = self.agent.config.replication.ack_timeout.as_secs();
            return ack::given_up(seconds).caused_by(error);
        }
        if error.is_unknown() {
            return ack::not_known().caused_by(error);
        }
        error.into()
    }

    /// The members that cannot be waited for now.
    async fn missing(&self) -> Result<Vec<String>> {
        let there = sql::stat::links(&*self.agent.db().await?).await?;
        let is_there = |link: &String| {
            there
                .get(link)
                .is_some_and(|link| link.state.as_deref() == Some("streaming"))
        };
        let in_force = in_force(self.agent).await?;
        let missing = in_force.links.iter().filter(|(link, _)| !is_there(link));
        Ok(missing.map(|(_, address)| address.to_string()).collect())
    }
}
