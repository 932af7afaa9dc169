//! Rows that are being copied, as they come. From a peer each is waited for as long as the copy does not stand still; the
//! time in which this node stores what came does not count.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use keystead::deadline::{Patience, Work};
use tokio_postgres::CopyOutStream;

use super::Peer;
use crate::error::Result;
use crate::query::Query;

/// See the head of this file.
pub(crate) struct Copying<'a> {
    from: Option<&'a Peer>,
    query: Query,
    rows: Pin<Box<CopyOutStream>>,
    taken: Taken,
}

/// What was taken off the connection and the meter does not know yet.
#[derive(Debug, Default)]
struct Taken {
    messages: u64,
    bytes: u64,
}

impl<'a> Copying<'a> {
    /// A copy from this node's own database.
    pub(crate) fn of_this_node(query: Query, rows: Pin<Box<CopyOutStream>>) -> Self {
        Self {
            from: None,
            query,
            rows,
            taken: Taken::default(),
        }
    }

    pub(super) fn of_peer(peer: &'a Peer, query: Query, rows: Pin<Box<CopyOutStream>>) -> Self {
        Self {
            from: Some(peer),
            query,
            rows,
            taken: Taken::default(),
        }
    }

    /// The next message; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(peer) = self.from else {
            let message = self.rows.next().await.transpose();
            return message.map_err(|source| self.query.failed(source));
        };
        // Most are there already: nothing is waited for then, and the clock is not asked.
        let waited = if let Some(message) = self.rows.next().now_or_never() {
            Ok(message)
        } else {
            self.taken.tell(peer);
            let patience = Patience {
                total: None,
                ..peer.terms.patience(Work::Copy)
            };
            peer.wait(patience, self.rows.next()).await
        };
        let message = peer.settle(self.query.name, waited.map(Option::transpose))?;
        match &message {
            Some(message) => self.taken.add(message, peer),
            None => peer.hears.answered(self.query.name),
        }
        Ok(message)
    }
}

impl Taken {
    fn add(&mut self, message: &Bytes, peer: &Peer) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(message.len() as u64);
        // A small part of what may be under way.
        if self.bytes > peer.terms.sizes.window / 16 {
            self.tell(peer);
        }
    }

    fn tell(&mut self, peer: &Peer) {
        let told = std::mem::take(self);
        peer.meter.taken(told.messages, told.bytes);
    }
}
