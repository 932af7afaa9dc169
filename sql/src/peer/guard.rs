//! The stream inside of the TLS of a session with a peer: what comes through it goes past the meter, which may refuse it.
//! What is sent is left alone.
//!
//! PostgreSQL's client keeps a message until all of it is there, and believes what its head says of its length: up to two
//! gigabytes. So the heads are read here first.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use super::messages::Messages;
use super::meter::Meter;

/// Makes TLS by `inner` and watches over what comes through it.
pub(super) struct GuardedTls<T> {
    inner: T,
    meter: Arc<Meter>,
}

impl<T> GuardedTls<T> {
    pub(super) fn new(inner: T, meter: Arc<Meter>) -> Self {
        Self { inner, meter }
    }
}

impl<S, T> TlsConnect<S> for GuardedTls<T>
where
    T: TlsConnect<S>,
    T::Stream: Unpin,
    T::Future: Send + 'static,
{
    type Stream = Guarded<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, Self::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let (connecting, meter) = (self.inner.connect(stream), self.meter);
        Box::pin(async move {
            let inner = connecting.await?;
            let messages = Messages::default();
            Ok(Guarded { inner, meter, messages })
        })
    }
}

/// See the head of this file.
pub(super) struct Guarded<S> {
    inner: S,
    meter: Arc<Meter>,
    messages: Messages,
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        let Self { meter, messages, .. } = &mut *self;
        let came = buffer.filled().get(before..).unwrap_or_default();
        Poll::Ready(meter.heard(came, messages).map_err(io::Error::other))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Guarded<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}
