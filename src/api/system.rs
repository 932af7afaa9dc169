//! The node itself: `/v1/system/…` and `/healthz`.

use serde::{Deserialize, Serialize};

use super::{blank_as_none, whole};

/// `GET /v1/system/info`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SystemInfo {
    /// The node's own name, not replicated.
    pub name: String,
    /// The product's version.
    pub version: String,
    /// Always the text `null`: there are no suffixes.
    pub version_suffix: String,
    /// `Keystead`.
    pub model: String,
    /// `Keystead`.
    pub vendor: String,
    /// The cryptographic library.
    pub crypto_version: String,
    /// `0 days, 3 hours, 22 minutes`.
    pub uptime: String,
    /// RFC 3339.
    pub system_time: String,
    /// The version of PostgreSQL under this node.
    pub postgres_version: String,
}

/// `GET /v1/system/services/status`, which needs no log-in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServicesStatus {
    /// `started` when all are, else `starting` or `error`.
    pub status: String,
    /// Each of them.
    pub services: Vec<Service>,
}

/// One service of a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Service {
    /// `web`, `postgres`, `replication`.
    pub name: String,
    /// `started`, `starting`, `disabled` or `error`.
    pub status: String,
}

/// `POST /v1/system/services/reset`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResetRequest {
    /// Seconds until it begins; 5 unless given, at most 3600.
    #[serde(default, deserialize_with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 3600))]
    pub delay: Option<u64>,
    /// The node's name or its id in its cluster: that it is this node that is meant.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// That a node will be reset.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResetAnswer {
    /// `resetting`.
    pub status: String,
    /// Seconds until it begins.
    pub delay: u64,
}

/// `GET /healthz`: 200 on a node that should take traffic, else 503, with the same body.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// Should a load balancer send traffic here?
    pub healthy: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
