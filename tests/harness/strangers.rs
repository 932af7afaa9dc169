//! Strangers: connections that are made and say nothing, as many as somebody wants.
//!
//! Decides how they are made and held; never what becomes of the node meanwhile. They go when this is dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::hosts::Host;

/// So many sockets are made together at the most, for a thread has to enter a host for it.
const CROWD: usize = 100;

/// How long one attempt may take: what is dropped on the way is tried again by the system after 1 and after 3 seconds.
const ATTEMPT: Duration = Duration::from_secs(5);

/// Where the strangers are.
#[derive(Clone)]
pub(crate) enum Source {
    /// On this machine, at an address of the test.
    Address(Ipv4Addr),
    /// On a host of their own.
    Host(Arc<Host>),
}

impl Source {
    /// A socket of theirs that is not connected.
    fn sockets(&self, count: usize) -> Result<Vec<TcpSocket>> {
        let make = |_| TcpSocket::new_v4();
        match self {
            Self::Address(address) => (0..count)
                .map(|index| {
                    let socket = make(index)?;
                    socket.bind((*address, 0).into())?;
                    Ok(socket)
                })
                .collect(),
            Self::Host(host) => Ok(host.inside(|| (0..count).map(make).collect::<Result<Vec<_>, _>>())??),
        }
    }
}

/// Strangers at work: each connects, says nothing until it is sent away, and connects again.
pub(crate) struct Strangers {
    open: Arc<AtomicUsize>,
    _work: JoinSet<Result<()>>,
}

impl Strangers {
    /// So many, at this place.
    pub(crate) fn at(from: &Source, to: SocketAddr, count: usize) -> Result<Self> {
        let limit = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, limit.1, limit.1)?;
        let open = Arc::new(AtomicUsize::new(0));
        let mut work = JoinSet::new();
        for first in (0..count).step_by(CROWD) {
            let (from, open, size) = (from.clone(), Arc::clone(&open), CROWD.min(count - first));
            work.spawn(async move {
                loop {
                    let mut crowd = JoinSet::new();
                    for socket in from.sockets(size)? {
                        crowd.spawn(hold(socket, to, Arc::clone(&open)));
                    }
                    crowd.join_all().await;
                }
            });
        }
        Ok(Self { open, _work: work })
    }

    /// How many connections they have now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// One connection, until the other side ends it.
async fn hold(socket: TcpSocket, to: SocketAddr, open: Arc<AtomicUsize>) {
    if let Ok(Ok(stream)) = timeout(ATTEMPT, socket.connect(to)).await {
        let _counted = Counted::new(open);
        until_sent_away(stream).await;
    }
}

/// Says nothing until the other side ends the connection, however it does.
async fn until_sent_away(mut stream: TcpStream) {
    while stream.read(&mut [0; 64]).await.is_ok_and(|bytes| bytes > 0) {}
}

struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(open: Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
