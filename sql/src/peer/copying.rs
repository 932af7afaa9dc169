//! Rows that are being copied, as they come. From a peer each is waited for as long as the copy does not stand still; the
//! time in which this node stores what came does not count.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::StreamExt as _;
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
}

impl<'a> Copying<'a> {
    /// A copy from this node's own database.
    pub(crate) fn of_this_node(query: Query, rows: Pin<Box<CopyOutStream>>) -> Self {
        Self {
            from: None,
            query,
            rows,
        }
    }

    pub(super) fn of_peer(peer: &'a Peer, query: Query, rows: Pin<Box<CopyOutStream>>) -> Self {
        Self {
            from: Some(peer),
            query,
            rows,
        }
    }

    /// The next message; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(peer) = self.from else {
            let message = self.rows.next().await.transpose();
            return message.map_err(|source| self.query.failed(source));
        };
        let patience = Patience {
            total: None,
            ..peer.terms.patience(Work::Copy)
        };
        let waited = peer.wait(patience, self.rows.next()).await;
        let message = peer.settle(self.query.name, waited.map(Option::transpose))?;
        match &message {
            Some(message) => peer.meter.taken(message.len() as u64),
            None => peer.hears.answered(self.query.name),
        }
        Ok(message)
    }
}
