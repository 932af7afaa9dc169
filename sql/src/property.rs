//! The `cluster_property` table: what the cluster as a whole is set to.

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// A property's value; `None` when it was never set, or was cleared.
pub async fn get(db: &Connection, name: &str) -> Result<Option<String>> {
    Ok(query!("property/get").opt(db, &[&name]).await?.map(|row| row.get(0)))
}

/// Sets a property, on all nodes.
pub async fn set(db: &Connection, name: &str, value: &str) -> Result<()> {
    query!("property/set").run(db, &[&name, &value]).await.map(drop)
}

/// Clears a property, on all nodes. One that is not set is cleared.
pub async fn clear(db: &Connection, name: &str) -> Result<()> {
    query!("property/clear").run(db, &[&name]).await.map(drop)
}
