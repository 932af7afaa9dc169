//! Keys that open backups, in the database of this node alone.

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// A backup key as it is kept.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// The key, wrapped by this node's root of trust.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Are new backups opened with it?
    pub is_default: bool,
}

/// All of them, the oldest first.
pub async fn all(local: &Connection) -> Result<Vec<Entry>> {
    let rows = query!("backup_key/all").rows(local, &[]).await?;
    let read = |row: &tokio_postgres::Row| Entry {
        id: row.get("id"),
        wrapped: row.get("wrapped"),
        created_at: row.get("created_at"),
        is_default: row.get("is_default"),
    };
    Ok(rows.iter().map(read).collect())
}

/// Keeps a key; the first one is the default. False when there is one with this id.
pub async fn add(local: &Connection, id: &str, wrapped: &[u8], created_at: DateTime<Utc>) -> Result<bool> {
    let added = query!("backup_key/add")
        .run(local, &[&id, &wrapped, &created_at])
        .await?;
    Ok(added > 0)
}

/// From now on new backups are opened with this key. False when there is none.
pub async fn make_default(local: &Connection, id: &str) -> Result<bool> {
    Ok(query!("backup_key/make_default").run(local, &[&id]).await? > 0)
}

/// Forgets a key for good.
pub async fn delete(local: &Connection, id: &str) -> Result<()> {
    query!("backup_key/delete").run(local, &[&id]).await?;
    Ok(())
}
