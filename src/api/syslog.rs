//! Syslog servers: `/v1/configs/syslogs…`.
//!
//! Next: [`crate::syslog`] for what is sent to them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{blank_as_none, zero_as_none};

/// `POST /v1/configs/syslogs`, and `PATCH` of one: then what is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SyslogRequest {
    /// A name or an address.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = "host", max_length = 253))]
    pub host: Option<String>,
    /// `udp` (default), `tcp` or `tls`.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// 514 when absent or 0.
    #[serde(default, deserialize_with = "zero_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 65535))]
    pub port: Option<u16>,
    /// With `tls`: the certificates that are believed, in PEM.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 65536))]
    pub ca_cert: Option<String>,
    /// `rfc5424` (default), `rfc3164` or `cef`.
    #[serde(default, deserialize_with = "blank_as_none", skip_serializing_if = "Option::is_none")]
    pub message_format: Option<String>,
}

/// A syslog server. Every node sends its own messages to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Syslog {
    /// Its id.
    pub id: String,
    /// The account that all things belong to.
    pub account: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// A name or an address.
    pub host: String,
    /// `udp`, `tcp` or `tls`.
    pub transport: String,
    /// Its port.
    pub port: u16,
    /// The certificates that are believed, in PEM; `""` without.
    pub ca_cert: String,
    /// `rfc5424`, `rfc3164` or `cef`.
    pub message_format: String,
}
