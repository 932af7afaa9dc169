//! The cluster and joining it: `/v1/cluster…` and `POST /v1/nodes`.
//!
//! Next: [`crate::join::request`] turns these into checked requests.

use serde::{Deserialize, Serialize};

use super::{blank_as_none, null_as_default, whole, zero_as_none};
use crate::join::progress::Progress;

/// The port of PostgreSQL, the only one nodes use among themselves.
pub const DEFAULT_PORT: u16 = 5432;

/// A status as `code` and text. The pairs are in [`crate::member::status`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Status {
    /// The short form that programs compare: `none`, `r`, `creating`, `b`, `i`, `c`, `o`, `d`, `k`, `m`, `v`.
    pub code: String,
    /// The long form that people read.
    pub description: String,
    /// Why, when the status is not a good one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `GET /v1/cluster`, and the answers of `new` and `join`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClusterInfo {
    /// This node's id; `""` while it has none.
    #[serde(rename = "nodeID")]
    pub node_id: String,
    /// This node's own status.
    pub status: Status,
    /// How many nodes are ready; absent when not clustered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_count: Option<u64>,
    /// `up` while a majority of the members answers this node, else `down`; absent when not clustered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raft_status: Option<String>,
    /// How far the join is, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
}

/// `POST /v1/cluster/new` on the first node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewClusterRequest {
    /// The address by which other nodes will reach this one.
    #[serde(default, deserialize_with = "blank_as_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required, format = "host", min_length = 1, max_length = 253))]
    pub local_node_host: Option<String>,
    /// Its PostgreSQL port; 5432 when absent or 0.
    #[serde(default, deserialize_with = "zero_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 65535))]
    pub local_node_port: Option<u16>,
    /// The address by which users reach it, kept and shown as given.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = "name", max_length = 1024))]
    pub public_address: Option<String>,
}

/// `POST /v1/cluster/csr` on the joining node.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CsrRequest {
    /// The joining node's address, a suggestion only: the member decides the name.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = "host", max_length = 253))]
    pub local_node_host: Option<String>,
    /// Sent by some clients with a wrong value, so never used.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub public_address: Option<String>,
}

/// A certificate signing request in PEM.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CsrAnswer {
    /// `-----BEGIN CERTIFICATE REQUEST-----…`
    pub csr: String,
}

/// `POST /v1/nodes` on a member: asks it to sign a joining node's request. Snake and camel case as clients send it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewNodeRequest {
    /// The request in PEM.
    #[serde(default, deserialize_with = "blank_as_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required, format = "pem-request", min_length = 1))]
    pub csr: Option<String>,
    /// The address by which the members will reach the joining node.
    #[serde(rename = "newNodeHost", default, deserialize_with = "blank_as_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required, format = "host", min_length = 1, max_length = 253))]
    pub new_node_host: Option<String>,
    /// Sent by some clients with a wrong value, so never used.
    #[serde(
        rename = "publicAddress",
        default,
        deserialize_with = "blank_as_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub public_address: Option<String>,
    /// The master key is wrapped by a root-of-trust key that both nodes share.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub shared_hsm_partition: bool,
}

/// What a joining node needs from a member. All three are copied verbatim into the join.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewNodeAnswer {
    /// The node's certificate in PEM.
    pub cert: String,
    /// The chain of the cluster's CA in PEM.
    pub cachain: String,
    /// The cluster's master key sealed to the node's key, good for one join within minutes.
    pub mkek_blob: String,
}

/// `POST /v1/cluster/join` on the joining node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JoinRequest {
    /// From [`NewNodeAnswer`].
    #[serde(default, deserialize_with = "blank_as_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required, min_length = 1))]
    pub cert: Option<String>,
    /// From [`NewNodeAnswer`].
    #[serde(default, deserialize_with = "blank_as_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required, min_length = 1))]
    pub cachain: Option<String>,
    /// From [`NewNodeAnswer`].
    #[serde(default, deserialize_with = "blank_as_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required, min_length = 1))]
    pub mkek_blob: Option<String>,
    /// The address by which the members reach the joining node.
    #[serde(rename = "localNodeHost", default, deserialize_with = "blank_as_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required, format = "host", min_length = 1, max_length = 253))]
    pub local_node_host: Option<String>,
    /// Its PostgreSQL port; 5432 when absent or 0.
    #[serde(
        rename = "localNodePort",
        default,
        deserialize_with = "zero_as_none",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(maximum = 65535))]
    pub local_node_port: Option<u16>,
    /// The address by which users reach the joining node, kept and shown as given.
    #[serde(
        rename = "localNodePublicAddress",
        default,
        deserialize_with = "blank_as_none",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(format = "name", max_length = 1024))]
    pub local_node_public_address: Option<String>,
    /// The address by which the joining node reaches the member that signed.
    #[serde(rename = "memberNodeHost", default, deserialize_with = "blank_as_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required, format = "host", min_length = 1, max_length = 253))]
    pub member_node_host: Option<String>,
    /// Its PostgreSQL port; 5432 when absent or 0.
    #[serde(
        rename = "memberNodePort",
        default,
        deserialize_with = "zero_as_none",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(maximum = 65535))]
    pub member_node_port: Option<u16>,
    /// Answer only when the join has ended, or after 25 seconds with how far it is.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub blocking: bool,
}

/// `PATCH /v1/cluster/ack`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AckRequest {
    /// `local`, `any-1` and so on, or `default`.
    #[serde(default, deserialize_with = "blank_as_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required, pattern = "^(default|local|any-([1-9]|1[0-9]))$"))]
    pub ack: Option<String>,
}

/// `GET /v1/cluster/ack`: who must have a write before it is acknowledged, when its request does not say.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AckAnswer {
    /// What is set for the cluster; `default` when nothing is.
    pub ack: String,
    /// What that means for a key that is made or deleted.
    pub create_and_delete: String,
    /// What that means for other changes of a key.
    pub change: String,
    /// How many other members there are: the most that can be waited for.
    pub peers: u8,
}

/// `PATCH /v1/cluster/lanes`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LanesRequest {
    /// From 1 to 4.
    #[serde(default, deserialize_with = "whole")]
    #[cfg_attr(feature = "openapi", schema(value_type = i32, required, minimum = 1, maximum = 4))]
    pub lanes: Option<i32>,
}

/// `GET /v1/cluster/lanes`: how many workers apply what one node sends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LanesAnswer {
    /// What is set for the cluster; 1 when nothing is.
    pub lanes: i32,
    /// In how many this node sends now: it follows when every other node has made room for it.
    pub sends_in: i32,
}

/// One entry of `GET /v1/cluster/clashes`: a name that several keys or accounts have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Clash {
    /// `key` or `account`.
    pub kind: String,
    /// The name they share.
    pub name: String,
    /// Their ids, the oldest first.
    pub ids: Vec<String>,
}
