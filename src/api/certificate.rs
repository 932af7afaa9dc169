//! Certificates between nodes: `/v1/cluster/certificates` and `/v1/cluster/rotate-ca`.
//!
//! Next: [`crate::certificate`] for when they are renewed and how the authority is exchanged.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::NodeId;

/// `GET /v1/cluster/certificates`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Certificates {
    /// The cluster's certificate authority; while it is exchanged, the old one and the new.
    pub authorities: Vec<AuthorityInfo>,
    /// What every node says of its certificate.
    pub nodes: Vec<NodeCertificate>,
    /// Whom the exchange of the authority waits for; empty when none runs.
    pub waits_for: Vec<WaitsFor>,
}

/// A certificate authority.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuthorityInfo {
    /// SHA-256 of its certificate.
    pub fingerprint: String,
    /// When it ends.
    pub not_after: DateTime<Utc>,
    /// Does it issue certificates now?
    pub signs: bool,
}

/// The certificate of one node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NodeCertificate {
    /// The node's id.
    #[serde(rename = "nodeID")]
    pub node_id: NodeId,
    /// Where other nodes reach it.
    pub host: String,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// The fingerprint of the authority that issued it.
    pub authority: String,
    /// When it ends.
    pub not_after: DateTime<Utc>,
    /// From when on the node renews it.
    pub renewed_from: DateTime<Utc>,
    /// The fingerprints of the authorities that the node believes.
    pub trusts: Vec<String>,
}

/// A node that an exchange of the authority waits for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WaitsFor {
    /// The node's id.
    #[serde(rename = "nodeID")]
    pub node_id: NodeId,
    /// Where other nodes reach it.
    pub host: String,
    /// What it has to do. It does so by itself when it is up.
    pub wanted: String,
}
