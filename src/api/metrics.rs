//! Metrics: `/v1/system/metrics/prometheus/…`. What is scraped is text, made by [`crate::metrics`].

use serde::{Deserialize, Serialize};

/// May Prometheus scrape this cluster's nodes, and with which token?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrometheusStatus {
    /// Are scrapes answered?
    pub enabled: bool,
    /// What they show, as `Authorization: Bearer`; `""` while they are not answered.
    pub token: String,
}
