//! A way to a server that stands still where a test wants it to: what is asked and answered goes through this process.
//!
//! Decides how: the session's stream is one end of a pipe in memory, the other is carried to the server's socket. Such a
//! session has no TLS, which the client is told is there from the first byte on.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Result;
use keystead::deadline::Terms;
use sql::{Hears, Peer, Way};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// What is carried at once at the most, so that a copy takes many steps.
const PIECE: usize = 4 << 10;

/// What the relay does with what the server answers.
#[derive(Debug, Clone)]
pub(crate) enum Answers {
    /// Carries everything.
    Pass,
    /// Carries so many bytes more, then nothing, and closes nothing.
    StandStillAfter(u64),
    /// Waits so long before every piece.
    Slowly(Duration),
    /// Puts this in the place of what the server says.
    Replace(Vec<u8>),
}

/// Whom a session's questions failed with.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    failed: Mutex<Vec<&'static str>>,
}

impl Heard {
    /// The questions that failed, in their order.
    pub(crate) fn failed(&self) -> Vec<&'static str> {
        lock(&self.failed).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hears for Heard {
    fn answered(&self, _question: &'static str) {}

    fn failed(&self, question: &'static str, _error: &sql::Error) {
        lock(&self.failed).push(question);
    }
}

/// A session through a relay; dropping it ends both.
pub(crate) struct Relayed {
    pub(crate) peer: Peer,
    pub(crate) heard: Arc<Heard>,
    answers: Arc<Mutex<Answers>>,
    carried: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl Relayed {
    /// A session on these terms; how a long answer gets on is asked past the relay.
    pub(crate) async fn open(config: &Config, terms: Terms) -> Result<Self> {
        let answers = Arc::new(Mutex::new(Answers::Pass));
        let (heard, carried, mut tasks) = (Arc::default(), Arc::default(), JoinSet::new());
        let stream = relay(config, &answers, &carried, &mut tasks).await?;
        let peer = Peer::connect(way(config, terms, Arc::clone(&heard)), ready(Ok(stream)), Clear).await?;
        Ok(Self {
            peer,
            heard,
            answers,
            carried,
            _tasks: tasks,
        })
    }

    /// From now on this is done with what the server answers.
    pub(crate) fn answers(&self, answers: Answers) {
        *lock(&self.answers) = answers;
    }

    /// So many bytes of answers were carried.
    pub(crate) fn carried(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }
}

/// Connects to a server that never says a word.
pub(crate) async fn to_nobody(config: &Config, terms: Terms) -> sql::Result<Peer> {
    let (near, _far) = tokio::io::duplex(PIECE);
    Peer::connect(way(config, terms, Arc::default()), ready(Ok(near)), Clear).await
}

fn way(config: &Config, terms: Terms, hears: Arc<Heard>) -> Way {
    let direct = config.clone();
    Way {
        again: Box::new(move || {
            let config = direct.clone();
            Box::pin(async move { past_the_relay(&config, terms).await.ok() })
        }),
        ..way_once(config, terms, hears)
    }
}

async fn past_the_relay(config: &Config, terms: Terms) -> Result<Peer> {
    let stream = UnixStream::connect(socket(config)?).await?;
    let way = way_once(config, terms, Arc::default());
    Ok(Peer::connect(way, ready(Ok(stream)), Clear).await?)
}

fn way_once(config: &Config, terms: Terms, hears: Arc<Heard>) -> Way {
    let mut config = config.clone();
    config
        .ssl_mode(SslMode::Require)
        .ssl_negotiation(SslNegotiation::Direct);
    Way {
        name: "10.0.0.2:5432".to_owned(),
        config,
        terms,
        hears,
        again: Box::new(|| Box::pin(ready(None))),
    }
}

fn socket(config: &Config) -> Result<std::path::PathBuf> {
    let [Host::Unix(folder)] = config.get_hosts() else {
        anyhow::bail!("not a server of a test")
    };
    Ok(folder.join(".s.PGSQL.5432"))
}

async fn relay(
    config: &Config,
    answers: &Arc<Mutex<Answers>>,
    carried: &Arc<AtomicU64>,
    tasks: &mut JoinSet<()>,
) -> Result<DuplexStream> {
    let (near, far) = tokio::io::duplex(PIECE);
    let (mut asked, mut answered) = tokio::io::split(far);
    let (mut from, mut to) = UnixStream::connect(socket(config)?).await?.into_split();
    tasks.spawn(async move {
        tokio::io::copy(&mut asked, &mut to).await.ok();
    });
    let (answers, carried) = (Arc::clone(answers), Arc::clone(carried));
    tasks.spawn(async move {
        let mut piece = vec![0; PIECE];
        while let Ok(read @ 1..) = from.read(&mut piece).await {
            let sent = pass(&answers, piece.get(..read).unwrap_or_default()).await;
            carried.fetch_add(sent.len() as u64, Ordering::Relaxed);
            if answered.write_all(&sent).await.is_err() {
                return;
            }
        }
    });
    Ok(near)
}

/// What is sent on of this piece; waits for ever where the relay is to stand still.
async fn pass(answers: &Mutex<Answers>, piece: &[u8]) -> Vec<u8> {
    let now = lock(answers).clone();
    match now {
        Answers::Pass => piece.to_vec(),
        Answers::StandStillAfter(left) if piece.len() as u64 > left => std::future::pending().await,
        Answers::StandStillAfter(left) => {
            *lock(answers) = Answers::StandStillAfter(left - piece.len() as u64);
            piece.to_vec()
        }
        Answers::Slowly(pause) => {
            // What a slow network does.
            tokio::time::sleep(pause).await;
            piece.to_vec()
        }
        Answers::Replace(bytes) => bytes,
    }
}

/// A TLS that is none.
struct Clear;

struct ClearStream<S>(S);

impl<S> TlsConnect<S> for Clear
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    type Stream = ClearStream<S>;
    type Error = Infallible;
    type Future = Ready<Result<ClearStream<S>, Infallible>>;

    fn connect(self, stream: S) -> Self::Future {
        ready(Ok(ClearStream(stream)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for ClearStream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClearStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ClearStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
