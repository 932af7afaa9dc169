//! The databases themselves: is one there, make it, drop it. Run over the server's `postgres` database.

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// The database that replicates. A join wipes exactly this one.
pub const CLUSTER: &str = "keystead";

/// The database of this node alone.
pub const LOCAL: &str = "keystead_local";

/// Is the database there, and whole?
pub async fn exists(server: &Connection, name: &str) -> Result<bool> {
    Ok(query!("database/exists").one(server, &[&name]).await?.get(0))
}

/// Makes the database unless it is there. What is left of one that was half dropped goes first.
pub async fn ensure(server: &Connection, name: &str) -> Result<()> {
    if exists(server, name).await? {
        return Ok(());
    }
    drop_with_slots(server, name).await?;
    query!("database/create").run_made(server, &[&name]).await
}

/// Drops the database, its sessions and its slots, if it is there.
///
/// Its subscriptions must be gone: PostgreSQL refuses otherwise.
pub async fn drop_with_slots(server: &Connection, name: &str) -> Result<()> {
    query!("database/end_senders").rows(server, &[&name]).await?;
    query!("database/drop_slots").rows(server, &[&name]).await?;
    query!("database/drop").run_made(server, &[&name]).await
}

/// The server's version in words, for people.
pub async fn server_version(db: &Connection) -> Result<String> {
    Ok(query!("database/server_version").one(db, &[]).await?.get(0))
}
