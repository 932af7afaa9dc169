//! The node itself: `/v1/system/…` and `/healthz`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::SecondsFormat;
use keystead::api::system::{Health, ResetAnswer, ResetRequest, Service, ServicesStatus, SystemInfo};
use keystead::{Error, Result};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::Caller;
use super::error::{NotBuilt, Refusal, Refused};
use super::json::{Json, OptionalJson};
use super::standing;
use crate::agent::{Agent, Standing};
use crate::postgres::Status;
use crate::reset;

const PRODUCT: &str = "Keystead";

/// The routes of this file under the base path. Load balancers ask at the root: [`health_route`].
pub(crate) fn routes() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::new()
        .routes(routes!(info))
        .routes(routes!(services))
        .routes(routes!(reset_node))
}

/// `/healthz`, for the root.
pub(crate) fn health_route() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::new().routes(routes!(health))
}

/// What this node is.
#[utoipa::path(get, path = "/system/info", tag = "system", operation_id = "systemInfo", responses((status = 200, description = "what this node is", body = SystemInfo), Refused))]
async fn info(_caller: Caller, State(agent): State<Arc<Agent>>) -> Result<Json<SystemInfo>, Refusal> {
    let now = agent.clock.now();
    let host = crate::api::tls::host_name();
    // The node's own database answers also while a join replaces the other.
    let postgres_version = sql::database::server_version(&*agent.local.get().await?).await?;
    Ok(Json(SystemInfo {
        name: agent.config.name_or(&host).to_owned(),
        version: crate::version::version(),
        version_suffix: "null".to_owned(),
        model: PRODUCT.to_owned(),
        vendor: PRODUCT.to_owned(),
        crypto_version: "AWS-LC".to_owned(),
        uptime: uptime(now.millis_since(agent.started) / 1000),
        system_time: now
            .to_utc()
            .unwrap_or_default()
            .to_rfc3339_opts(SecondsFormat::Micros, true),
        postgres_version,
    }))
}

/// Do the parts of this node run?
#[utoipa::path(get, path = "/system/services/status", tag = "system", operation_id = "servicesStatus", security(()),
    responses((status = 200, description = "the parts of this node", body = ServicesStatus), Refused))]
async fn services(State(agent): State<Arc<Agent>>) -> Json<ServicesStatus> {
    Json(status_of(postgres(&agent).await, agent.standing()))
}

/// Deletes everything on this node, which is then as new: keys, accounts, certificates, its place in a cluster. The request
/// has to name the node.
#[utoipa::path(post, path = "/system/services/reset", tag = "system", operation_id = "resetServices", request_body = Option<ResetRequest>,
    responses((status = 200, description = "it begins after the delay", body = ResetAnswer), Refused, NotBuilt))]
async fn reset_node(
    _caller: Caller,
    State(agent): State<Arc<Agent>>,
    OptionalJson(asked): OptionalJson<ResetRequest>,
) -> Result<Json<ResetAnswer>, Refusal> {
    let host = crate::api::tls::host_name();
    Ok(Json(reset::begin(&agent, &asked, agent.config.name_or(&host))?))
}

async fn postgres(agent: &Agent) -> &'static str {
    match agent.postgres.status() {
        Status::Starting => "starting",
        Status::Running | Status::Attached if answers(agent).await.is_ok() => "started",
        Status::Running | Status::Attached | Status::Stopped | Status::Failed(_) => "error",
    }
}

/// Should a load balancer send traffic here?
#[utoipa::path(get, path = "/healthz", tag = "system", operation_id = "health", security(()),
    responses((status = 200, description = "yes", body = Health), (status = 503, description = "no, and why", body = Health)))]
pub(crate) async fn health(State(agent): State<Arc<Agent>>) -> (StatusCode, Json<Health>) {
    let reason = match standing::may_take_traffic(agent.standing()) {
        Ok(()) => answers(&agent).await.err().map(|error| because(&agent, error)),
        refused => refused.err(),
    };
    let status = if reason.is_none() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let health = Health {
        healthy: reason.is_none(),
        reason: reason.map(|error| error.to_string()),
    };
    (status, Json(health))
}

/// Why the database does not answer: in the words of whoever watches it, when it knows.
fn because(agent: &Agent, error: Error) -> Error {
    match agent.postgres.status() {
        Status::Failed(why) => Error::unavailable(why).caused_by(error),
        _ => error,
    }
}

/// Does the database answer that users' data is in?
async fn answers(agent: &Agent) -> Result<()> {
    let db = agent.db.get().await?;
    sql::database::server_version(&db).await?;
    Ok(())
}

fn status_of(postgres: &str, standing: Standing) -> ServicesStatus {
    let replication = match standing {
        Standing::Alone | Standing::Removed => "disabled",
        // Clients wait for it before they go on: after a restore too, before a join.
        Standing::Restoring | Standing::Joining | Standing::Fenced => "starting",
        Standing::Member => "started",
        Standing::Killed => "error",
    };
    let services = [("web", "started"), ("postgres", postgres), ("replication", replication)];
    let any = |status: &str| services.iter().any(|(_, is)| *is == status);
    let status = ["error", "starting"]
        .into_iter()
        .find(|status| any(status))
        .unwrap_or("started");
    let named = |(name, status): (&str, &str)| Service {
        name: name.to_owned(),
        status: status.to_owned(),
    };
    ServicesStatus {
        status: status.to_owned(),
        services: services.map(named).to_vec(),
    }
}

fn uptime(seconds: i64) -> String {
    let minutes = seconds.max(0) / 60;
    format!(
        "{} days, {} hours, {} minutes",
        minutes / 1440,
        minutes / 60 % 24,
        minutes % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_as_good_as_its_worst_part() {
        assert_eq!(status_of("started", Standing::Alone).status, "started");
        assert_eq!(status_of("started", Standing::Member).status, "started");
        assert_eq!(status_of("started", Standing::Joining).status, "starting");
        assert_eq!(status_of("started", Standing::Restoring).status, "starting");
        assert_eq!(status_of("error", Standing::Joining).status, "error");
        assert_eq!(status_of("started", Standing::Killed).status, "error");
    }

    #[test]
    fn uptime_is_told_in_days_hours_and_minutes() {
        assert_eq!(uptime(90_061), "1 days, 1 hours, 1 minutes");
        assert_eq!(uptime(-5), "0 days, 0 hours, 0 minutes");
    }
}
