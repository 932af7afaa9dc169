//! Heartbeats: a promise that everything of a node up to a time has arrived where the heartbeat has.

use std::collections::BTreeMap;

use keystead::NodeNumber;
use keystead::clock::Micros;
use keystead::deadline::Work;
use keystead::replication::horizon::{Heartbeats, Seen};
use tokio_postgres::Row;

use crate::bad_row::readable;
use crate::error::{Error, Result};
use crate::lane;
use crate::pool::Connection;
use crate::query::query;
use crate::side::{Answer, Side};

/// A heartbeat that is being prepared.
#[derive(Debug, Clone, Copy)]
pub struct Beginning {
    /// The time it will carry.
    pub at: Micros,
    xid: i64,
}

/// Takes a time, later than every one before, then a transaction id.
///
/// Whatever is stamped up to this time belongs to a transaction that has an older id.
pub async fn begin(db: &Connection) -> Result<Beginning> {
    let row = query!("heartbeat/begin").one(db, &[]).await?;
    Ok(Beginning {
        at: Micros(row.get("at")),
        xid: row.get("xid"),
    })
}

/// Have all transactions that could hold a version up to the time ended?
pub async fn is_finished(db: &Connection, beginning: Beginning) -> Result<bool> {
    Ok(query!("heartbeat/finished").one(db, &[&beginning.xid]).await?.get(0))
}

/// Writes the heartbeat of this node, with what it has of every other, after a beat in each other lane.
pub async fn beat(db: &Connection, number: NodeNumber, at: Micros) -> Result<()> {
    for lane in 1..lane::sends_in(db).await? {
        query!("heartbeat/beat_in_lane").one(db, &[&lane]).await?;
    }
    query!("heartbeat/beat").one(db, &[&number.0, &at.0]).await?;
    Ok(())
}

/// What every node has seen, as far as it is known here.
pub async fn all(db: &Connection) -> Result<Heartbeats> {
    let rows = query!("heartbeat/all").rows(db, &[]).await?;
    let read = |row: &Row| {
        let seen: BTreeMap<NodeNumber, Micros> = serde_json::from_value(row.get("seen"))
            .map_err(|error| Error::Unexpected(format!("a heartbeat ({error})")))?;
        Ok((NodeNumber(row.get("number")), seen))
    };
    let all = readable(db, ("public.heartbeat", "number"), &rows, read).await;
    Ok(all.into_iter().collect())
}

/// The newest heartbeat of every node that has arrived here.
pub async fn newest(db: impl Into<Side<'_>>) -> Result<Seen> {
    let rows = query!("heartbeat/newest").ask(db.into(), &[], Work::Look).await?;
    let read = |row: &Answer| Ok((NodeNumber(row.get("number")?), Micros(row.get("at")?)));
    rows.iter().map(read).collect()
}
