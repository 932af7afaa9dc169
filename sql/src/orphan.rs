//! What a removed node wrote last: rows that perhaps no member has, and rows that perhaps not all members have.

use keystead::NodeNumber;
use keystead::api::orphan::Orphan;
use keystead::clock::Micros;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// What this node wrote after a time, as it is now, without secrets; `writer` is this node.
pub async fn all(db: &Connection, above: Micros, writer: &keystead::NodeId) -> Result<Vec<Orphan>> {
    let rows = query!("orphan/all").rows(db, &[&above.0]).await?;
    let orphan = |row: &tokio_postgres::Row| {
        let (relation, version): (&str, i64) = (row.get("relation"), row.get("version"));
        Orphan {
            node_id: writer.clone(),
            relation: relation.trim_start_matches("public.").to_owned(),
            key: row.get("key"),
            deleted: row.get("deleted"),
            written_at: Micros(version).to_utc().unwrap_or_default(),
            row_version: version,
            content: row.get("content"),
        }
    };
    Ok(rows.iter().map(orphan).collect())
}

/// Where this node's WAL ends.
pub async fn position(db: &Connection) -> Result<i64> {
    Ok(query!("orphan/position").one(db, &[]).await?.get(0))
}

/// Has the reader of one of these slots confirmed everything up to a position?
pub async fn is_taken(db: &Connection, slots: &[String], position: i64) -> Result<bool> {
    Ok(query!("orphan/is_taken").one(db, &[&slots, &position]).await?.get(0))
}

/// Sends the rows again that another node wrote after a time, as they are here; how many there were.
pub async fn send_on(db: &Connection, writer: NodeNumber, above: Micros) -> Result<i64> {
    Ok(query!("orphan/send_on").one(db, &[&writer.0, &above.0]).await?.get(0))
}
