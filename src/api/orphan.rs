//! Writes of a removed node that no member has: `GET /v1/cluster/orphans`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::NodeId;

/// One row that a node wrote last, and that it does not know any member to have. One line of the report on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// Who this machine was when it wrote it.
    #[serde(rename = "nodeID")]
    pub node_id: NodeId,
    /// The table: `key`, `account` and others.
    pub relation: String,
    /// The primary key, by column.
    pub key: Value,
    /// Was the row deleted?
    pub deleted: bool,
    /// When, by this node's clock.
    pub written_at: DateTime<Utc>,
    /// The version of the row.
    pub row_version: i64,
    /// The row as it is on this node, without secrets.
    pub content: Value,
}
