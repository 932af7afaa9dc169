//! The stream inside of the TLS of a session with a peer: finds where each message begins, and lets the meter refuse it.
//!
//! PostgreSQL's client keeps a message until all of it is there, and believes what its head says of its length: up to two
//! gigabytes. So the heads are read here first. What is sent is left alone.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use super::meter::{Meter, Refused};

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
        if !came.is_empty() {
            meter.heard();
        }
        let taken = messages.read(came, |kind, bytes| meter.message(kind, bytes));
        Poll::Ready(taken.map_err(io::Error::other))
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

/// How far into a message the stream is: a byte that names its type, four that say how long it is with themselves, the rest.
#[derive(Debug, Default)]
struct Messages {
    /// Bytes of the head that are there.
    head: u8,
    kind: u8,
    length: u32,
    /// Bytes of the rest that are to come.
    rest: usize,
}

/// What the length of a message counts of its head.
const LENGTH: u32 = 4;

impl Messages {
    /// Reads on, calling `each` with the type and the length of every message that begins.
    fn read(&mut self, mut bytes: &[u8], mut each: impl FnMut(u8, u64) -> Result<(), Refused>) -> Result<(), Refused> {
        loop {
            let (passed, left) = bytes.split_at(self.rest.min(bytes.len()));
            self.rest -= passed.len();
            let Some((byte, left)) = left.split_first() else {
                return Ok(());
            };
            bytes = left;
            match self.head {
                0 => (self.kind, self.length) = (*byte, 0),
                _ => self.length = (self.length << 8) | u32::from(*byte),
            }
            self.head += 1;
            if self.head == 5 {
                self.head = 0;
                // One that is shorter than its own head is for the client to refuse.
                let rest = self.length.saturating_sub(LENGTH);
                each(self.kind, u64::from(rest))?;
                self.rest = usize::try_from(rest).unwrap_or(usize::MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap() + LENGTH;
        [&[kind], &length.to_be_bytes()[..], body].concat()
    }

    #[test]
    fn messages_are_found_however_the_stream_is_cut() {
        let stream = [message(b'R', &[0; 4]), message(b'Z', b""), message(b'D', &[1; 300])].concat();
        for piece in 1..stream.len() {
            let (mut messages, mut found) = (Messages::default(), Vec::new());
            for piece in stream.chunks(piece) {
                let read = messages.read(piece, |kind, bytes| {
                    found.push((kind, bytes));
                    Ok(())
                });
                assert_eq!(read, Ok(()));
            }
            assert_eq!(found, [(b'R', 4), (b'Z', 0), (b'D', 300)], "pieces of {piece}");
        }
    }

    #[test]
    fn a_message_is_refused_before_any_of_it_is_there() {
        let head = [b'D', 0xff, 0xff, 0xff, 0xff];
        let mut told = None;
        let read = Messages::default().read(&head, |_, bytes| {
            told = Some(bytes);
            Err(Refused::Form)
        });
        assert_eq!((read, told), (Err(Refused::Form), Some(u64::from(u32::MAX - LENGTH))));
    }
}
