//! Waiting until every member has what this node has: `POST /v1/cluster/wait`.
//!
//! Next: [`crate::replication::barrier`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::whole;
use crate::clock::Micros;
use crate::id::NodeId;

/// How long to wait for what.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WaitRequest {
    /// Seconds to wait at the most; 60 when absent. One call waits 20 seconds at the most and then answers how far it
    /// is.
    #[serde(default, deserialize_with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>, minimum = 0, maximum = 4_294_967_295_i64))]
    pub timeout_seconds: Option<u32>,
    /// The `upTo` of an answer, to go on waiting for the same; absent: for everything written before this call.
    #[serde(default, deserialize_with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>))]
    pub up_to: Option<Micros>,
}

/// Who has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WaitAnswer {
    /// Every row that this node wrote with a `rowVersion` up to this is waited for.
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub up_to: Micros,
    /// The same as a time of day, by this node's clock.
    pub time: Option<DateTime<Utc>>,
    /// Does every member have it? When not, ask again with `upTo`.
    pub everywhere: bool,
    /// The other members.
    pub members: Vec<MemberHas>,
}

/// One member, and whether it has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberHas {
    /// The member's id.
    #[serde(rename = "nodeID")]
    pub node_id: NodeId,
    /// Where other nodes reach it.
    pub host: String,
    /// Since when it is known to have it; null while it is not.
    pub had_at: Option<DateTime<Utc>>,
}
