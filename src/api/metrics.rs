//! Metrics: `/v1/system/metrics/prometheus/…`. What is scraped is text, made by [`crate::metrics`].

use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// May Prometheus scrape this cluster's nodes, and with which token?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrometheusStatus {
    /// Are scrapes answered?
    pub enabled: bool,
    /// What they show, as `Authorization: Bearer`; `""` while they are not answered.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: Secret,
}
