//! Comparing nodes and mending what differs: `/v1/cluster/verify`.
//!
//! Next: [`crate::verify`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::null_as_default;
use crate::id::NodeId;

/// `POST /v1/cluster/verify`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifyRequest {
    /// Mend what is found.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub repair: bool,
}

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum VerifyState {
    /// It runs: ask again.
    Running,
    /// It has ended, and this is what it found.
    Done,
    /// It could not be brought to its end; `error` says why.
    Failed,
}

/// What a verification found. This node is compared with every other member; so whichever nodes differ, at least one of
/// them is found to differ from this one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    /// How far it is.
    pub state: VerifyState,
    /// Is what differs mended?
    pub repair: bool,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; null while it runs.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The other members and how comparing with each went: after the repair, when there was one.
    pub members: Vec<ComparedMember>,
    /// The rows that differ, at most 1000 of them.
    pub differences: Vec<RowDifference>,
    /// Rows that differed and are not in the list.
    pub not_listed: u64,
    /// After a repair: the rows that still differ, at most 1000 of them. Absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<Vec<RowDifference>>,
}

/// A member that this node was compared with, or could not be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ComparedMember {
    /// The member's id.
    #[serde(rename = "nodeID")]
    pub node_id: NodeId,
    /// Where other nodes reach it.
    pub host: String,
    /// `equal`, `different` or `not compared`.
    pub outcome: String,
    /// Why it was not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Both nodes were compared in everything written before this; null when they were not. While a member is down it
    /// stands still: what came later may be on its way.
    pub up_to: Option<DateTime<Utc>>,
    /// How many rows differ.
    pub differing_rows: u64,
}

/// A row that this node and another do not have alike.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RowDifference {
    /// The other node's id.
    #[serde(rename = "nodeID")]
    pub node_id: NodeId,
    /// The table.
    pub table: String,
    /// The primary key.
    pub key: Value,
    /// `missing here`, `missing there`, `older here`, `older there`, or `other content`: the same version with other
    /// content.
    pub problem: String,
    /// The row on this node; null when it is not there.
    pub here: Option<RowVersion>,
    /// The row on the other node; null when it is not there.
    pub there: Option<RowVersion>,
    /// What was done: `sent again`, `kept here`, `taken from` a node, or `left alone`. Absent without a repair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repaired: Option<String>,
}

/// Which row it is. Its content is not shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RowVersion {
    /// Microseconds since 1970.
    pub version: i64,
    /// The number of the node that wrote it.
    pub origin: i32,
    /// Is it a tombstone?
    pub deleted: bool,
}
