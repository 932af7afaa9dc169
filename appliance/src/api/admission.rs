//! Lets so many connections in and no more: the sockets under `keystead::admission`, which decides.
//!
//! A connection that is one too many is closed before anything is read from it. Its place is given back when the socket is
//! dropped, whatever became of it: so every way out counts.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use futures_util::future::BoxFuture;
use keystead::admission::{Full, Ledger, Limits};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// How often it is told that connections were refused.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Counts connections before `inner` begins with them.
#[derive(Clone)]
pub(super) struct Admission<A> {
    inner: A,
    counts: Arc<Counts>,
}

struct Counts {
    ledger: Mutex<Ledger>,
    refusals: Mutex<Refusals>,
}

/// Those that were not told yet.
#[derive(Default)]
struct Refusals {
    source: u64,
    total: u64,
    told: Option<Instant>,
}

impl<A> Admission<A> {
    /// Nobody is connected.
    pub(super) fn new(inner: A, limits: Limits) -> Self {
        let counts = Arc::new(Counts {
            ledger: Mutex::new(Ledger::new(within_open_files(limits))),
            refusals: Mutex::default(),
        });
        Self { inner, counts }
    }
}

/// Each connection is a file, and the agent needs some for itself: half of what it may have.
fn within_open_files(limits: Limits) -> Limits {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Shells give less than they may.
    let current = setrlimit(Resource::Nofile, raised).map_or(limit.current, |()| raised.current);
    let half = current.and_then(|files| usize::try_from(files / 2).ok());
    let total = half.map_or(limits.total, |half| limits.total.min(half));
    if total < limits.total {
        tracing::warn!(
            total,
            "users have fewer connections than configured: so many files may be open"
        );
    }
    Limits { total, ..limits }
}

impl<A, S> Accept<TcpStream, S> for Admission<A>
where
    A: Accept<TcpStream, S>,
    A::Stream: Send + 'static,
    A::Service: Send + 'static,
    A::Future: Send + 'static,
{
    type Stream = Counted<A::Stream>;
    type Service = A::Service;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let place = match stream.peer_addr() {
            Ok(peer) => Place::take(&self.counts, peer.ip()),
            Err(gone) => Err(gone),
        };
        match place {
            Ok(mut place) => {
                let accepting = self.inner.accept(stream, service);
                Box::pin(async move {
                    let (stream, service) = accepting.await?;
                    place.shook_hands();
                    Ok((Counted { stream, _place: place }, service))
                })
            }
            Err(refused) => Box::pin(async move { Err(refused) }),
        }
    }
}

/// The place of one connection.
struct Place {
    counts: Arc<Counts>,
    address: IpAddr,
    is_in_handshake: bool,
}

impl Place {
    fn take(counts: &Arc<Counts>, address: IpAddr) -> io::Result<Self> {
        let admitted = counts.ledger().admit(address);
        admitted.map_err(|full| {
            counts.refused(full);
            io::Error::from(io::ErrorKind::ConnectionRefused)
        })?;
        Ok(Self {
            counts: Arc::clone(counts),
            address,
            is_in_handshake: true,
        })
    }

    fn shook_hands(&mut self) {
        if std::mem::take(&mut self.is_in_handshake) {
            self.counts.ledger().shook_hands(self.address);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shook_hands();
        self.counts.ledger().leave(self.address);
    }
}

impl Counts {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says so now and then: a line for each would be an attack by itself.
    fn refused(&self, full: Full) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        match full {
            Full::Source => refusals.source += 1,
            Full::Total => refusals.total += 1,
        }
        if refusals.told.is_none_or(|told| told.elapsed() >= REPORT_INTERVAL) {
            let (of_one_source, in_all) = (refusals.source, refusals.total);
            tracing::warn!(
                of_one_source,
                in_all,
                "connections of users were refused: there are as many as may be"
            );
            *refusals = Refusals {
                told: Some(Instant::now()),
                ..Refusals::default()
            };
        }
    }
}

/// A connection that has its place for as long as it is there.
pub(super) struct Counted<S> {
    stream: S,
    _place: Place,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
