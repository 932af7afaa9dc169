//! Metrics: `/v1/system/metrics/prometheus…`. The work is in `crate::metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use keystead::api::metrics::PrometheusStatus;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{Reader, Writer, bearer};
use super::error::{Refusal, Refused};
use super::json::{Json, NoFields};
use crate::agent::Agent;
use crate::metrics;

/// The version of the text format is part of its type.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::new()
        .routes(routes!(scrape))
        .routes(routes!(status))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(renew))
}

/// What Prometheus gets. The token is the one of `/status`, not that of a log-in.
#[utoipa::path(get, path = "/system/metrics/prometheus", tag = "metrics", operation_id = "scrape",
    responses((status = 200, description = "all measures of this node", body = String, content_type = "text/plain"), Refused))]
async fn scrape(State(agent): State<Arc<Agent>>, parts: Parts) -> Result<impl IntoResponse, Refusal> {
    metrics::check(&agent, bearer(&parts)?).await?;
    Ok(([(header::CONTENT_TYPE, TEXT)], metrics::text(&agent).await))
}

/// May Prometheus scrape this cluster's nodes?
#[utoipa::path(get, path = "/system/metrics/prometheus/status", tag = "metrics", operation_id = "prometheusStatus",
    responses((status = 200, description = "whether it may, and with which token", body = PrometheusStatus), Refused))]
async fn status(_caller: Reader, State(agent): State<Arc<Agent>>) -> Result<Json<PrometheusStatus>, Refusal> {
    Ok(Json(metrics::status(&agent).await?))
}

/// From now on scrapes are answered. Done twice, it changes nothing.
#[utoipa::path(post, path = "/system/metrics/prometheus/enable", tag = "metrics", operation_id = "enablePrometheus",
    responses((status = 200, description = "the token", body = PrometheusStatus), Refused))]
async fn enable(
    _caller: Writer,
    State(agent): State<Arc<Agent>>,
    _body: NoFields,
) -> Result<Json<PrometheusStatus>, Refusal> {
    Ok(Json(metrics::enable(&agent, true).await?))
}

/// From now on scrapes are refused.
#[utoipa::path(post, path = "/system/metrics/prometheus/disable", tag = "metrics", operation_id = "disablePrometheus",
    responses((status = 200, description = "that it is disabled", body = PrometheusStatus), Refused))]
async fn disable(
    _caller: Writer,
    State(agent): State<Arc<Agent>>,
    _body: NoFields,
) -> Result<Json<PrometheusStatus>, Refusal> {
    Ok(Json(metrics::enable(&agent, false).await?))
}

/// Makes another token; the old one is good no more.
#[utoipa::path(post, path = "/system/metrics/prometheus/renew-token", tag = "metrics", operation_id = "renewPrometheusToken",
    responses((status = 200, description = "the new token", body = PrometheusStatus), Refused))]
async fn renew(
    _caller: Writer,
    State(agent): State<Arc<Agent>>,
    _body: NoFields,
) -> Result<Json<PrometheusStatus>, Refusal> {
    Ok(Json(metrics::renew(&agent).await?))
}
