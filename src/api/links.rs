//! What the links of one node to every other are made of: `GET /v1/cluster/links`.
//!
//! Next: [`crate::member::parts`], which decides what should be there.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A part of a link, on the node that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// The role of the other node in this node's PostgreSQL.
    Role,
    /// Its line in `pg_hba.conf`: it may connect.
    Hba,
    /// Its line in `pg_ident.conf`: its certificate stands for its role.
    Ident,
    /// What keeps this node's changes for it.
    Slot,
    /// What takes its changes.
    Subscription,
    /// Its certificate on the revocation list.
    Revocation,
}

/// One part of a link: whether it should be there, whether it is, and what the node did about it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LinkPart {
    /// Which.
    pub part: Part,
    /// Its name in PostgreSQL; the serial number of a certificate.
    pub name: String,
    /// Should it be there?
    pub should_exist: bool,
    /// Is it?
    pub exists: bool,
    /// What else there is to say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What was done to it last since the agent was started; absent when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Deed>,
}

/// Something that was done to a part of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deed {
    /// What.
    pub did: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why it could not be done; absent when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One entry of `GET /v1/cluster/links`: the links between the node that is asked and another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NodeLinks {
    /// The other node.
    #[serde(rename = "nodeID")]
    pub node_id: String,
    /// Where it is; empty for one that was signed and has not joined.
    pub host: String,
    /// Its state in the list of nodes; `signed` before it is in it.
    pub state: String,
    /// Is everything as it should be?
    pub complete: bool,
    /// The parts.
    pub parts: Vec<LinkPart>,
}
