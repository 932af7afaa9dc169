//! Sessions of other nodes in this node's PostgreSQL, and the queue of notifications that they can hold up.

use keystead::clock::Micros;
use keystead::member::misuse::{Slot, SlotReader};
use keystead::member::sessions::{Activity, PeerSession};
use keystead::replication::names::ROLE_PREFIX;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::{Query, query};

/// The process that serves the session that asks.
pub(crate) const OWN: Query = query!("session/own");

/// Is the session that this process serves at work? Of one's own role alone.
pub(crate) const IS_AT_WORK: Query = query!("session/is_at_work");

/// The sessions of all other nodes.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn of_peers(db: &Connection) -> Result<Vec<PeerSession>> {
    let rows = query!("session/of_peers").rows(db, &[&ROLE_PREFIX]).await?;
    let read = |row: &tokio_postgres::Row| {
        let activity = match row.get("state") {
            "streaming" => Activity::Streaming,
            "copying the server" => Activity::CopyingServer,
            "idle" => Activity::Idle,
            state if state.starts_with("idle in transaction") => Activity::IdleInTransaction,
            _ => Activity::Active,
        };
        PeerSession {
            pid: row.get("pid"),
            started: Micros(row.get("started")),
            role: row.get("role"),
            is_guest: row.get("is_guest"),
            activity,
            state_millis: row.get::<_, Option<i64>>("state_millis").unwrap_or_default(),
            transaction_millis: row.get::<_, Option<i64>>("transaction_millis").unwrap_or_default(),
            has_written: row.get("has_written"),
            copied_bytes: row.get("copied"),
            reads_as: row.get("reads_as"),
        }
    };
    Ok(rows.iter().map(read).collect())
}

/// All replication slots of the server, of whatever database.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn slots(db: &Connection) -> Result<Vec<Slot>> {
    let rows = query!("session/slots").rows(db, &[]).await?;
    let read = |row: &tokio_postgres::Row| Slot {
        name: row.get("name"),
        plugin: row.get("plugin"),
        reader: row.get::<_, Option<i32>>("pid").map(|pid| SlotReader {
            pid,
            role: row.get::<_, Option<String>>("role").unwrap_or_default(),
        }),
    };
    Ok(rows.iter().map(read).collect())
}

/// Ends a session, if it is still there.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn end(db: &Connection, session: &PeerSession) -> Result<()> {
    let started = session.started.0;
    query!("session/end").one(db, &[&session.pid, &started]).await?;
    Ok(())
}

/// How full the queue of notifications is, in percent. When it is full, commits that notify fail.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn notification_queue_percent(db: &Connection) -> Result<i32> {
    Ok(query!("session/notification_queue").one(db, &[]).await?.get(0))
}
