//! A node as others see it: `/v1/nodes…`.
//!
//! Next: [`crate::member::status`] for what `status` may say.

use serde::{Deserialize, Serialize};

use super::cluster::Status;
use crate::id::NodeId;

/// One member, as the answering node sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// The node's id.
    #[serde(rename = "nodeID")]
    pub node_id: NodeId,
    /// The same again: some clients read it by this name.
    pub id: NodeId,
    /// How it is.
    pub status: Status,
    /// Where other nodes reach it.
    pub host: String,
    /// Its PostgreSQL port.
    pub port: u16,
    /// State of replication to it (`streaming`), null for the answering node itself.
    pub state: Option<String>,
    /// Is it the node that answers?
    pub is_this_node: bool,
    /// Where users reach it; `""` when not set.
    pub public_address: String,
    /// The version of the product that it runs, as it has said last; absent before it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The version of the node's row.
    pub row_version: i64,
}

/// `PATCH /v1/nodes/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchNodeRequest {
    /// The new public address; `""` clears it; absent leaves it.
    #[serde(rename = "publicAddress", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = "name", max_length = 1024))]
    pub public_address: Option<String>,
}
