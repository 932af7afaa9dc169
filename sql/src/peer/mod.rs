//! A session with a peer: nothing can be asked in it without a deadline, and no more can come than the terms allow.
//!
//! It is no [`Connection`], and gives none away. A question that is not answered in time ends the session: whatever comes
//! of it later must not be taken for the answer to something else, and a session that is stuck is not used again. How long
//! and how much is decided in `keystead::deadline`; what may come off the wire is looked at in `guard.rs`.

mod copying;
mod guard;
mod messages;
mod meter;

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use keystead::deadline::{Patience, Terms, Work};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::tls::{TlsConnect, TlsStream};
use tokio_postgres::{Config, Row};

pub(crate) use copying::Copying;
use guard::GuardedTls;
use meter::{Meter, Refused};

use crate::error::{Error, Result};
use crate::pool::{Connection, drive};
use crate::query::{Params, Query};
use crate::session;

/// Makes another session with the same peer, to ask how a long answer gets on; nothing when there is none to be had.
pub type Again = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Option<Peer>> + Send>> + Send + Sync>;

/// Hears what becomes of the questions to one peer.
pub trait Hears: Send + Sync {
    /// This one was answered.
    fn answered(&self, question: &'static str);
    /// This one was not, in time or in size.
    fn failed(&self, question: &'static str, error: &Error);
}

/// How to come to a peer.
pub struct Way {
    /// What it is called in errors: its address.
    pub name: String,
    /// As whom, and to what.
    pub config: Config,
    /// How long it may take, and how much it may say.
    pub terms: Terms,
    /// Who hears what becomes of it.
    pub hears: Arc<dyn Hears>,
    /// Another session with it.
    pub again: Again,
}

/// See the head of this file.
pub struct Peer {
    client: Connection,
    driver: AbortHandle,
    name: String,
    terms: Terms,
    meter: Arc<Meter>,
    hears: Arc<dyn Hears>,
    again: Again,
    pid: OnceLock<i32>,
}

/// The name of the question that connecting is.
const CONNECTING: &str = "connect";

impl Peer {
    /// Connects through the stream that `dial` makes, inside of `tls`.
    ///
    /// # Errors
    /// [`Error::Connect`] with what went wrong; [`Error::Lapsed`] when it takes too long.
    pub async fn connect<S, T>(way: Way, dial: impl Future<Output = io::Result<S>>, tls: T) -> Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: TlsConnect<S>,
        T::Stream: TlsStream + Unpin + Send + 'static,
        T::Future: Send + 'static,
    {
        let Way {
            name,
            config,
            terms,
            hears,
            again,
        } = way;
        let meter = Arc::new(Meter::new(terms.sizes));
        let connecting = async {
            let stream = dial.await.map_err(|source| Error::Connect(Box::new(source)))?;
            let tls = GuardedTls::new(tls, Arc::clone(&meter));
            let connected = config.connect_raw(stream, tls).await;
            connected.map_err(|source| Error::Connect(Box::new(source)))
        };
        let lapsed = |_| Error::Lapsed {
            peer: name.clone(),
            question: CONNECTING,
            after: terms.connect,
        };
        let (client, connection) = timeout(terms.connect, connecting).await.map_err(lapsed)??;
        let driving = drive(connection);
        Ok(Self {
            driver: driving.abort_handle(),
            client: Connection::new(client, driving),
            name,
            terms,
            meter,
            hears,
            again,
            pid: OnceLock::new(),
        })
    }

    /// What drives this session: it ends with that.
    pub fn driver(&self) -> AbortHandle {
        self.driver.clone()
    }

    /// The terms of this session.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What the peer is called in errors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Has the session ended, for whatever reason?
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The rows of an answer.
    pub(crate) async fn rows(&self, query: Query, params: Params<'_>, work: Work) -> Result<Vec<Row>> {
        // Asked for later, in another session, when the answer is long in coming.
        if matches!(work, Work::Slot | Work::Reading) && self.pid.get().is_none() {
            self.note_pid().await?;
        }
        let run = async {
            let statement = self.client.prepare_cached(query.text).await?;
            self.client.query(&statement, params).await
        };
        self.in_time(query.name, work, run).await
    }

    /// Runs a statement without an answer.
    pub(crate) async fn batch(&self, query: Query, text: &str) -> Result<()> {
        self.in_time(query.name, Work::Look, self.client.batch_execute(text))
            .await
    }

    /// Begins to copy what a statement gives.
    pub(crate) async fn copy_out(&self, query: Query, statement: &str) -> Result<Copying<'_>> {
        let begun = self.in_time(query.name, Work::Copy, self.client.copy_out(statement));
        let rows = Box::pin(begun.await?);
        Ok(Copying::of_peer(self, query, rows))
    }

    /// Who serves this session on the other side.
    async fn note_pid(&self) -> Result<()> {
        let run = async { self.client.query_one(session::OWN.text, &[]).await?.try_get(0) };
        let pid = self.in_time(session::OWN.name, Work::Look, run).await?;
        // Twice the same.
        self.pid.set(pid).ok();
        Ok(())
    }

    async fn in_time<T>(
        &self,
        question: &'static str,
        work: Work,
        run: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        self.meter.begin(work);
        // Boxed, for it is large and is part of everything that asks a peer.
        let outcome = self.wait(self.terms.patience(work), Box::pin(run)).await;
        let answer = self.settle(question, outcome)?;
        self.hears.answered(question);
        Ok(answer)
    }

    /// What an answer that came, or the time after which none was waited for any longer, means.
    fn settle<T>(
        &self,
        question: &'static str,
        outcome: Result<Result<T, tokio_postgres::Error>, Duration>,
    ) -> Result<T> {
        let error = match outcome {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(source)) => match self.meter.refused() {
                // A session that has lasted long is made anew.
                None | Some(Refused::Session) => {
                    // A refusal is an answer.
                    if source.code().is_some() {
                        self.hears.answered(question);
                    }
                    return Err(Error::Peer {
                        peer: self.name.clone(),
                        query: question,
                        source,
                    });
                }
                Some(Refused::Answer(bytes)) => Error::Overlong {
                    peer: self.name.clone(),
                    question,
                    bytes,
                },
                Some(Refused::Form) => Error::Unexpected(format!("what {} answers to {question}", self.name)),
            },
            Err(after) => Error::Lapsed {
                peer: self.name.clone(),
                question,
                after,
            },
        };
        self.end();
        self.hears.failed(question, &error);
        Err(error)
    }

    /// Lets go of the connection at once. Every further question fails.
    fn end(&self) {
        self.driver.abort();
    }

    /// Waits for what runs; the time that was waited when that was too long.
    async fn wait<T>(&self, patience: Patience, run: impl Future<Output = T>) -> Result<T, Duration> {
        let (begun, mut run) = (Instant::now(), pin!(run));
        let Some(standstill) = patience.standstill else {
            let total = patience.total.unwrap_or_default();
            return timeout(total, run).await.map_err(|_| total);
        };
        let end = patience.total.map(|total| begun + total);
        let mut sign = begun;
        loop {
            let next = sign + standstill;
            let next = end.map_or(next, |end| next.min(end));
            if let Ok(done) = timeout_at(next, &mut run).await {
                return Ok(done);
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return Err(patience.total.unwrap_or_default());
            }
            let heard = self.meter.last();
            if heard > sign {
                sign = heard;
            } else if end.is_some() && self.is_at_it().await {
                sign = Instant::now();
            } else {
                return Err(standstill);
            }
        }
    }

    /// Does the peer say, in another session, that it is at work on what was asked in this one?
    async fn is_at_it(&self) -> bool {
        let Some(pid) = self.pid.get() else { return false };
        let Some(other) = (self.again)().await else {
            return false;
        };
        let asking = async {
            let row = other.client.query_opt(session::IS_AT_WORK.text, &[pid]).await?;
            row.map_or(Ok(false), |row| row.try_get(0))
        };
        // Boxed, for it waits as this does.
        let said = timeout(self.terms.look, Box::pin(asking)).await;
        matches!(said, Ok(Ok::<bool, tokio_postgres::Error>(true)))
    }
}
