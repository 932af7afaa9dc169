//! Calls between agents over PostgreSQL's port: the asking side over a peer connection, the answering side locally.

use keystead::deadline::Work;
use serde_json::Value;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;
use crate::side::Side;

/// The channel on which an agent hears that there is a call.
pub const CHANNEL: &str = "keystead_call";

/// A call that waits for its answer.
#[derive(Debug, Clone)]
pub struct Call {
    /// Names it.
    pub id: i64,
    /// The role that asked: PostgreSQL has checked its certificate.
    pub caller: String,
    /// What is asked.
    pub kind: String,
    /// With what.
    pub body: Value,
}

/// Leaves a call with a peer; the answer comes later.
pub async fn ask(peer: impl Into<Side<'_>>, kind: &str, body: &Value) -> Result<i64> {
    query!("call/ask")
        .ask_one(peer.into(), &[&kind, body], Work::Look)
        .await?
        .get(0)
}

/// The answer, once there is one. It is given once.
pub async fn answer(peer: impl Into<Side<'_>>, id: i64) -> Result<Option<Value>> {
    query!("call/answer")
        .ask_one(peer.into(), &[&id], Work::Look)
        .await?
        .get(0)
}

/// The most calls of one caller that are answered at a time.
const MOST_OF_ONE: i64 = 4;

/// The most calls of all callers that are answered at a time: each holds a connection of the agent's for a moment.
const MOST: i64 = 64;

/// Calls of peers that wait for an answer, a few of each caller's.
pub async fn pending(db: &Connection) -> Result<Vec<Call>> {
    let rows = query!("call/pending").rows(db, &[&MOST_OF_ONE, &MOST]).await?;
    let read = |row: &tokio_postgres::Row| Call {
        id: row.get("id"),
        caller: row.get("caller"),
        kind: row.get("kind"),
        body: row.get("body"),
    };
    Ok(rows.iter().map(read).collect())
}

/// Answers a call.
pub async fn respond(db: &Connection, id: i64, answer: &Value) -> Result<()> {
    query!("call/respond").run(db, &[&id, answer]).await?;
    Ok(())
}

/// Deletes calls whose askers never came back.
pub async fn forget_old(db: &Connection) -> Result<u64> {
    query!("call/forget_old").run(db, &[]).await
}
