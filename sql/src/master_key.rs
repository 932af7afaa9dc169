//! The master key, wrapped by this node's root of trust: one row in the database of this node alone.

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// The wrapped master key, or nothing on a node that has never started.
pub async fn get(local: &Connection) -> Result<Option<Vec<u8>>> {
    Ok(query!("master_key/get")
        .opt(local, &[])
        .await?
        .map(|row| row.get("wrapped")))
}

/// Replaces the wrapped master key.
pub async fn set(local: &Connection, wrapped: &[u8]) -> Result<()> {
    query!("master_key/set").run(local, &[&wrapped]).await?;
    Ok(())
}
