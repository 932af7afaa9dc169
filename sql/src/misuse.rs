//! What other nodes did with their connections that no node does, remembered for the alarm. Of this node alone.

use std::collections::BTreeMap;

use keystead::NodeId;

use crate::error::Result;
use crate::pool::Connection;
use crate::query::query;

/// What stands for a node that is not known.
pub const UNKNOWN: &str = "unknown";

/// Remembers what a node was seen doing last.
pub async fn note(db: &Connection, node: Option<&NodeId>, said: &str) -> Result<()> {
    let node = node.map_or(UNKNOWN, NodeId::as_str);
    query!("misuse/note").run(db, &[&node, &said]).await?;
    Ok(())
}

/// What was seen within a day, by the id of the node or [`UNKNOWN`].
pub async fn recent(db: &Connection) -> Result<BTreeMap<String, String>> {
    let rows = query!("misuse/recent").rows(db, &[]).await?;
    Ok(rows.iter().map(|row| (row.get("node"), row.get("said"))).collect())
}
