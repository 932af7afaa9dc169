//! Rows that no node writes: those that were set aside when they arrived, and those that a reader skips.
//!
//! What a row must not hold is in SQL, `replication.rule`, and is judged where the row arrives. What passes there and does
//! not parse here all the same, as it may come from a newer version, is skipped: one row must not hide the others.

use keystead::NodeNumber;
use tokio_postgres::Row;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

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

/// The rows of a table that `read` understands. The others are remembered by `key`, a column with their key.
pub(crate) async fn readable<T>(
    db: &Connection,
    (relation, key): (&str, &str),
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T>,
) -> Vec<T> {
    let (mut understood, mut skipped) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match read(row) {
            Ok(value) => understood.push(value),
            Err(error) => skipped.push((name(row, key), error.to_string())),
        }
    }
    for (name, why) in skipped.into_iter().take(MOST_REMEMBERED) {
        // Not done at a peer, and not in a database that was not migrated yet: there is no alarm of those here.
        let _remembered = query!("bad_row/skip").opt(db, &[&relation, &name, &why]).await;
    }
    understood
}

fn name(row: &Row, key: &str) -> String {
    let text = row.try_get::<_, String>(key);
    let number = || row.try_get::<_, i32>(key).map(|number| number.to_string());
    text.or_else(|_| number()).unwrap_or_default()
}
