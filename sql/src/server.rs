//! What the server as a whole says of itself. Run over its `postgres` database.

use keystead::clock::Micros;
use keystead::deadline::Work;
use keystead::server_version::ServerVersion;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;
use crate::side::Side;

/// When the server last read its settings and its access files. Only a connection made since then knows: an older one
/// answers with the time it was made at.
pub async fn settings_read_at(server: &Connection) -> Result<Micros> {
    Ok(Micros(query!("server/settings_read_at").one(server, &[]).await?.get(0)))
}

/// Ends the process that starts apply workers; PostgreSQL starts another within seconds. Workers go on.
pub async fn restart_launcher(db: &Connection) -> Result<()> {
    query!("server/restart_launcher").one(db, &[]).await?;
    Ok(())
}

/// Writes everything down, so that WAL that nobody needs any more is let go of.
pub async fn checkpoint(server: &Connection) -> Result<()> {
    query!("server/checkpoint").run(server, &[]).await?;
    Ok(())
}

/// The version of the server that runs, which may be older than the programs on the disk.
pub async fn version(db: &Connection) -> Result<ServerVersion> {
    Ok(ServerVersion::of_number(
        query!("server/version").one(db, &[]).await?.get(0),
    ))
}

/// What time it is by the clock of the machine that the server runs on.
pub async fn clock(server: impl Into<Side<'_>>) -> Result<Micros> {
    let asked = query!("server/clock").ask_one(server.into(), &[], Work::Look);
    Ok(Micros(asked.await?.get(0)?))
}
