//! Writes whose commit waits for other members, with an end to the waiting that nobody can mistake for a confirmation.
//!
//! PostgreSQL answers a commit whose wait was cancelled with success and a warning. So these writes have connections of
//! their own, whose warnings are counted: a write is confirmed when its commit was answered without one. Connections of
//! their own also because a wait may last: it must not keep one from a reader. Next: `wait_for_peers` in
//! `migrations/V4__ack.sql`, which a write calls.

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::{AsyncMessage, Config, NoTls, Socket};

use crate::error::{Error, Result};
use crate::pool::Connection;
use crate::query::query;

/// How long a cancelled write may take to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// A write that has ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended<T> {
    /// What it answered.
    pub value: T,
    /// Do those it waited for have it? Else it is durable on this node alone so far.
    pub is_confirmed: bool,
}

/// Connections to one database for writes that wait. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Writers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    size: usize,
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Arc<Session>>>,
}

#[derive(Debug)]
struct Session {
    db: Connection,
    warnings: Arc<AtomicU64>,
}

/// A connection for one write at a time; goes back when it is dropped, if nothing is under way on it.
#[derive(Debug)]
pub struct Writer {
    session: Arc<Session>,
    is_busy: AtomicBool,
    writers: Writers,
    _turn: OwnedSemaphorePermit,
}

impl Writers {
    /// At most `size` connections; each is made when it is first needed, unless [`Self::fill`] has made it before. What is
    /// written on them is in the first lane, for that is the one whose readers are waited for.
    pub fn new(mut config: Config, size: usize) -> Self {
        config.options("-c keystead.lane=0");
        Self(Arc::new(Inner {
            config,
            size,
            turns: Arc::new(Semaphore::new(size)),
            idle: Mutex::default(),
        }))
    }

    /// A connection.
    ///
    /// # Errors
    /// When there is none until `deadline`.
    pub async fn get(&self, deadline: Instant) -> Result<Writer> {
        let away = |cause: Box<dyn std::error::Error + Send + Sync>| Error::Connect(cause);
        let turn = timeout_at(deadline, Arc::clone(&self.0.turns).acquire_owned()).await;
        let turn = turn
            .map_err(|late| away(late.into()))?
            .map_err(|closed| away(closed.into()))?;
        let session = match self.idle() {
            Some(session) => session,
            None => timeout_at(deadline, connect(&self.0.config))
                .await
                .map_err(|late| away(late.into()))??,
        };
        Ok(Writer {
            session,
            is_busy: AtomicBool::new(false),
            writers: self.clone(),
            _turn: turn,
        })
    }

    /// Connects until all connections are there, beside those that are in use; see [`crate::Pool::fill`]. How many were
    /// made.
    ///
    /// # Errors
    /// When `PostgreSQL` is away or has no place left. What was made until then is kept.
    pub async fn fill(&self) -> Result<usize> {
        let mut made = 0;
        while self.there() < self.0.size {
            let session = timeout(PATIENCE, connect(&self.0.config)).await;
            let session = session.map_err(|late| Error::Connect(Box::new(late)))??;
            self.idle_ones().push(session);
            made += 1;
        }
        Ok(made)
    }

    /// How many are there, in use or not.
    fn there(&self) -> usize {
        let used = self.0.size.saturating_sub(self.0.turns.available_permits());
        let mut idle = self.idle_ones();
        idle.retain(|session| !session.db.is_closed());
        used + idle.len()
    }

    /// Lets go of every idle connection: the database they are to is about to be dropped.
    pub fn clear(&self) {
        self.idle_ones().clear();
    }

    fn idle(&self) -> Option<Arc<Session>> {
        let mut idle = self.idle_ones();
        idle.retain(|session| !session.db.is_closed());
        idle.pop()
    }

    fn idle_ones(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Session>>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Writer {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.session.db
    }
}

impl Writer {
    /// Waits for the end of a write on this connection. At `deadline` its wait is cancelled: it ends here, unconfirmed,
    /// or, if it had not come as far as its commit, not at all.
    ///
    /// # Errors
    /// Those of the write. [`Error::is_given_up`]: nothing was written. [`Error::is_unknown`]: nobody knows.
    pub async fn ended<T>(&self, deadline: Instant, write: impl Future<Output = Result<T>>) -> Result<Ended<T>> {
        let before = self.warnings();
        self.is_busy.store(true, Ordering::Relaxed);
        let mut write = pin!(write);
        let value = if let Ok(value) = timeout_at(deadline, &mut write).await {
            self.is_busy.store(false, Ordering::Relaxed);
            value
        } else {
            // It stays busy: the cancellation may come late and must not meet another write.
            self.cancel().await?;
            let late = |late| Error::Unknown(Box::new(late));
            timeout(PATIENCE, write).await.map_err(late)?
        };
        Ok(Ended {
            value: value?,
            is_confirmed: self.warnings() == before,
        })
    }

    async fn cancel(&self) -> Result<()> {
        let cancelled = timeout(PATIENCE, self.cancel_token().cancel_query(NoTls)).await;
        cancelled
            .map_err(|late| Error::Unknown(Box::new(late)))?
            .map_err(|cause| Error::Unknown(Box::new(cause)))
    }

    fn warnings(&self) -> u64 {
        self.session.warnings.load(Ordering::Acquire)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !*self.is_busy.get_mut() && !self.session.db.is_closed() {
            self.writers.idle_ones().push(Arc::clone(&self.session));
        }
    }
}

/// A connection whose warnings are counted. PostgreSQL sends a warning before the end of the statement it is about, and
/// it is counted in that order.
#[expect(
    clippy::disallowed_methods,
    reason = "the task ends with its connection and is aborted when that is dropped"
)]
async fn connect(config: &Config) -> Result<Arc<Session>> {
    let connected = config.connect(NoTls).await;
    let (client, mut connection) = connected.map_err(|source| Error::Connect(Box::new(source)))?;
    let warnings = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&warnings);
    let task = tokio::spawn(async move {
        while let Some(Ok(message)) = next(&mut connection).await {
            if matches!(message, AsyncMessage::Notice(_)) {
                counted.fetch_add(1, Ordering::Release);
            }
        }
    });
    Ok(Arc::new(Session {
        db: Connection::new(client, task),
        warnings,
    }))
}

async fn next(
    connection: &mut tokio_postgres::Connection<Socket, tokio_postgres::tls::NoTlsStream>,
) -> Option<Result<AsyncMessage, tokio_postgres::Error>> {
    poll_fn(|cx| connection.poll_message(cx)).await
}

/// How many connections count towards a wait, as the processes that serve them have read their settings.
pub async fn counted(db: &Connection) -> Result<i64> {
    Ok(query!("wait/counted").one(db, &[]).await?.get(0))
}

/// Ends waits that have lasted longer than so many seconds: their agent died, and they hold locks. How many there were.
pub async fn end_forgotten(db: &Connection, seconds: f64) -> Result<i64> {
    Ok(query!("wait/end_forgotten").one(db, &[&seconds]).await?.get(0))
}
