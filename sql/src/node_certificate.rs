//! What each node says of its certificate, shared with all.

use std::collections::BTreeMap;

use keystead::NodeId;
use keystead::certificate::Told;
use tokio_postgres::Row;

use crate::bad_row::readable;
use crate::error::{Error, Result};
use crate::identity::node_id;
use crate::pool::Connection;
use crate::query::query;

/// Says it for the node `node`.
pub async fn put(db: &Connection, node: &NodeId, told: &Told) -> Result<()> {
    let document = serde_json::to_value(told).map_err(|error| Error::Unexpected(format!("a certificate ({error})")))?;
    query!("node_certificate/put")
        .run(db, &[&node.as_str(), &document])
        .await?;
    Ok(())
}

/// What every node has said last, as far as it has arrived here.
pub async fn all(db: &Connection) -> Result<BTreeMap<NodeId, Told>> {
    let rows = query!("node_certificate/all").rows(db, &[]).await?;
    let read = |row: &Row| {
        let told = serde_json::from_value(row.get("document"))
            .map_err(|error| Error::Unexpected(format!("a certificate ({error})")))?;
        Ok((node_id(row.get("node"))?, told))
    };
    let all = readable(db, ("public.node_certificate", "node"), &rows, read).await;
    Ok(all.into_iter().collect())
}
