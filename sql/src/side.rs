//! One of the two sides that a question can be put to: this node's own database, or a peer's.
//!
//! What both can be asked takes a [`Side`]. Rows come back as [`Answer`]s, whose columns are looked at before they are
//! believed: a peer's server may send anything. Decides nothing; how long a peer may take is in [`crate::peer`].

use std::fmt::Display;

use keystead::deadline::Work;
use tokio_postgres::Row;
use tokio_postgres::row::RowIndex;
use tokio_postgres::types::FromSql;

use crate::error::{Error, Result};
use crate::peer::{Copying, Peer};
use crate::pool::{Connection, Pooled};
use crate::query::{Params, Query};

/// A database that is asked.
#[derive(Clone, Copy)]
pub enum Side<'a> {
    /// This node's own, which is waited for: it is as well as this node.
    Here(&'a Connection),
    /// A peer's, which has a deadline.
    Peer(&'a Peer),
}

impl<'a> From<&'a Connection> for Side<'a> {
    fn from(db: &'a Connection) -> Self {
        Self::Here(db)
    }
}

impl<'a> From<&'a Pooled> for Side<'a> {
    fn from(db: &'a Pooled) -> Self {
        Self::Here(db)
    }
}

impl<'a> From<&'a Peer> for Side<'a> {
    fn from(peer: &'a Peer) -> Self {
        Self::Peer(peer)
    }
}

impl<'a> Side<'a> {
    /// Runs a statement without an answer.
    pub(crate) async fn batch(self, query: Query, text: &str) -> Result<()> {
        match self {
            Self::Here(db) => db.batch_execute(text).await.map_err(|source| query.failed(source)),
            Self::Peer(peer) => peer.batch(query, text).await,
        }
    }

    /// Begins to copy what a statement gives.
    pub(crate) async fn copy_out(self, query: Query, statement: &str) -> Result<Copying<'a>> {
        match self {
            Self::Here(db) => {
                let rows = db.copy_out(statement).await.map_err(|source| query.failed(source))?;
                Ok(Copying::of_this_node(query, Box::pin(rows)))
            }
            Self::Peer(peer) => peer.copy_out(query, statement).await,
        }
    }
}

/// A row of which nothing is believed.
pub(crate) struct Answer {
    query: &'static str,
    row: Row,
}

impl Answer {
    /// The value of a column.
    ///
    /// # Errors
    /// [`Error::Answer`] when there is no such column, or it holds something else.
    pub(crate) fn get<'a, T: FromSql<'a>>(&'a self, column: impl RowIndex + Display) -> Result<T> {
        let query = self.query;
        self.row
            .try_get(column)
            .map_err(|source| Error::Answer { query, source })
    }
}

impl Query {
    /// All rows of either side's answer.
    pub(crate) async fn ask(self, side: Side<'_>, params: Params<'_>, work: Work) -> Result<Vec<Answer>> {
        let rows = match side {
            Side::Here(db) => self.rows(db, params).await?,
            Side::Peer(peer) => peer.rows(self, params, work).await?,
        };
        let query = self.name;
        Ok(rows.into_iter().map(|row| Answer { query, row }).collect())
    }

    /// The row, if there is one.
    pub(crate) async fn ask_opt(self, side: Side<'_>, params: Params<'_>, work: Work) -> Result<Option<Answer>> {
        let mut rows = self.ask(side, params, work).await?;
        if rows.len() > 1 {
            return Err(Error::Unexpected(format!(
                "{} rows in answer to {}",
                rows.len(),
                self.name
            )));
        }
        Ok(rows.pop())
    }

    /// The one row there must be.
    pub(crate) async fn ask_one(self, side: Side<'_>, params: Params<'_>, work: Work) -> Result<Answer> {
        let row = self.ask_opt(side, params, work).await?;
        row.ok_or_else(|| Error::Unexpected(format!("no row in answer to {}", self.name)))
    }
}
