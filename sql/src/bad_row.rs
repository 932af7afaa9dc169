//! Rows that no node writes: those that were set aside when they arrived, and those that a reader skips.
//!
//! What a row must not hold is in SQL, `replication.rule`, and is judged where the row arrives. What passes there and does
//! not parse here all the same, as it may come from a newer version, is skipped: one row must not hide the others.

use keystead::NodeNumber;
use tokio_postgres::Row;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;
use crate::side::{Answer, Side};

/// So many rows that one reading skips are remembered: each costs a statement.
const MOST_REMEMBERED: usize = 20;

/// What was found of one sender within a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Over whose link the rows came; `None` when that is not known.
    pub sender: Option<NodeNumber>,
    /// How many, of those that are kept.
    pub count: i64,
    /// The table and the key of one.
    pub example: String,
}

/// What was found within a day, by sender.
pub async fn by_sender(db: &Connection) -> Result<Vec<Found>> {
    let rows = query!("bad_row/by_sender").rows(db, &[]).await?;
    let read = |row: &Row| Found {
        sender: row.get::<_, Option<i32>>("sender").map(NodeNumber),
        count: row.get("row_count"),
        example: row.get("example"),
    };
    Ok(rows.iter().map(read).collect())
}

/// Forgets what was found a month ago.
pub async fn forget_old(db: &Connection) -> Result<()> {
    query!("bad_row/forget_old").run(db, &[]).await?;
    Ok(())
}

/// A row whose key can be told, whatever it is.
pub(crate) trait Keyed {
    /// The key in a column, as text.
    fn key(&self, column: &str) -> Option<String>;
}

impl Keyed for Row {
    fn key(&self, column: &str) -> Option<String> {
        let number = || self.try_get::<_, i32>(column).map(|number| number.to_string());
        self.try_get(column).or_else(|_| number()).ok()
    }
}

impl Keyed for Answer {
    fn key(&self, column: &str) -> Option<String> {
        self.get(column).ok()
    }
}

/// The rows of a table that `read` understands. The others are remembered here by `key`, a column with their key; a peer's are
/// that peer's to remember.
pub(crate) async fn readable<R: Keyed, T>(
    side: impl Into<Side<'_>>,
    (relation, key): (&str, &str),
    rows: &[R],
    read: impl Fn(&R) -> Result<T>,
) -> Vec<T> {
    let (mut understood, mut skipped) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match read(row) {
            Ok(value) => understood.push(value),
            Err(error) => skipped.push((row.key(key).unwrap_or_default(), error.to_string())),
        }
    }
    if let Side::Here(db) = side.into() {
        for (name, why) in skipped.into_iter().take(MOST_REMEMBERED) {
            // Not in a database that was not migrated yet.
            let _remembered = query!("bad_row/skip").opt(db, &[&relation, &name, &why]).await;
        }
    }
    understood
}
