//! How each node sees the others, shared with all: the rows behind `GET /v1/cluster/summary`.

use std::collections::BTreeMap;

use keystead::NodeId;
use keystead::api::summary::View;
use tokio_postgres::Row;

use crate::bad_row::readable;
use crate::error::{Error, Result};
use crate::pool::Connection;
use crate::query::query;

/// Publishes this node's view.
pub async fn put(db: &Connection, viewer: &NodeId, view: &View) -> Result<()> {
    let document = serde_json::to_value(view).map_err(|error| Error::Unexpected(format!("a view ({error})")))?;
    query!("node_view/put").run(db, &[&viewer.as_str(), &document]).await?;
    Ok(())
}

/// The newest view of every node that has arrived here, by node id.
pub async fn all(db: &Connection) -> Result<BTreeMap<String, View>> {
    let rows = query!("node_view/all").rows(db, &[]).await?;
    let read = |row: &Row| {
        let view = serde_json::from_value(row.get("document"))
            .map_err(|error| Error::Unexpected(format!("a view ({error})")))?;
        Ok((row.get("viewer"), view))
    };
    let all = readable(db, ("public.node_view", "viewer"), &rows, read).await;
    Ok(all.into_iter().collect())
}
