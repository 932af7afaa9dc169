//! What every node says of every other: `GET /v1/cluster/summary` and `/v1/cluster/errors`.
//!
//! Next: [`crate::summary`] decides the values from what was observed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::cluster::Status;
use crate::member::trouble::Trouble;

/// `GET /v1/cluster/summary`: by viewer, then by the node that is viewed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Summary {
    /// Always 0.
    pub skip: u64,
    /// Always 0.
    pub limit: u64,
    /// How many viewers there are.
    pub total: u64,
    /// Each viewer's view, by its node id.
    pub resources: BTreeMap<String, View>,
}

/// One node's view of all nodes, itself included.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// By the id of the node that is viewed.
    pub cluster_summary: BTreeMap<String, Viewed>,
    /// When the viewer last looked.
    pub last_updated: DateTime<Utc>,
    /// Every change committed anywhere before this instant is on this viewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable_time: Option<DateTime<Utc>>,
}

/// One node as another sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Viewed {
    /// What is wrong; null when nothing is.
    pub cluster_errors: Option<Vec<ClusterError>>,
    /// Who it is and how replication to it goes.
    pub node_info: NodeInfo,
    /// `GOOD`, or `BAD:` and why.
    pub summary: String,
}

/// One thing that is wrong between two nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClusterError {
    /// What is wrong, in words.
    pub error_message: String,
    /// Since when.
    pub error_time: DateTime<Utc>,
    /// What is wrong, for programs.
    #[serde(default = "unknown")]
    pub cause: Trouble,
    /// The way out.
    #[serde(default)]
    pub hint: String,
    /// What the programs below said, word for word; absent when nothing was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What members of an older version leave out.
fn unknown() -> Trouble {
    Trouble::Unknown
}

/// Who a node is, and for a peer how replication to it goes. Fields that do not apply are left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NodeInfo {
    /// Where other nodes reach it.
    pub host: String,
    /// Is it the viewer itself?
    pub is_this_node: bool,
    /// The node's id.
    #[serde(rename = "nodeID")]
    pub node_id: String,
    /// Its PostgreSQL port.
    pub port: u16,
    /// Where users reach it.
    pub public_address: String,
    /// How it is.
    pub status: Status,
    /// How replication to it goes; absent for the viewer itself.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkInfo>,
}

/// Replication from the viewer to a peer. Times are `HH:MM:SS.ffffff`, positions are PostgreSQL's `X/Y`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LinkInfo {
    /// Bytes of WAL the peer applied in the last second.
    pub apply_rate: i64,
    /// How long the rest takes at that rate.
    pub catchup_interval: String,
    /// Milliseconds by which the peer's clock is ahead of the viewer's; absent when that was not measured lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead_millis: Option<i64>,
    /// Since when the peer is connected; absent while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_time: Option<DateTime<Utc>>,
    /// Is the peer connected?
    pub connected: bool,
    /// Durable on the peer up to here.
    #[serde(rename = "flushLSN")]
    pub flush_lsn: String,
    /// Time behind in this respect.
    pub flush_lag: String,
    /// Bytes behind in this respect.
    pub flush_lag_bytes: i64,
    /// The same for people.
    pub flush_lag_size: String,
    /// Applied on the peer up to here.
    #[serde(rename = "replayLSN")]
    pub replay_lsn: String,
    /// Time behind in this respect.
    pub replay_lag: String,
    /// Bytes behind in this respect.
    pub replay_lag_bytes: i64,
    /// The same for people.
    pub replay_lag_size: String,
    /// Connected, behind, and not moving.
    pub replication_blocked: bool,
    /// Sent to the peer up to here.
    #[serde(rename = "sentLSN")]
    pub sent_lsn: String,
    /// Bytes behind in this respect.
    pub sent_lag_bytes: i64,
    /// The same for people.
    pub sent_lag_size: String,
    /// PostgreSQL's word for the sender's state: `streaming`, `catchup`.
    pub state: String,
    /// How long the peer has been connected; absent while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime: Option<String>,
    /// Received by the peer up to here.
    #[serde(rename = "writeLSN")]
    pub write_lsn: String,
    /// Time behind in this respect.
    pub write_lag: String,
    /// Bytes behind in this respect.
    pub write_lag_bytes: i64,
    /// The same for people.
    pub write_lag_size: String,
}

/// One entry of `GET /v1/cluster/errors`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NodeErrors {
    /// Whose trouble it is.
    #[serde(rename = "nodeID")]
    pub node_id: String,
    /// Who says so.
    #[serde(rename = "viewerID")]
    pub viewer_id: String,
    /// Where other nodes reach it.
    pub host: String,
    /// What is wrong.
    pub cluster_errors: Vec<ClusterError>,
}
