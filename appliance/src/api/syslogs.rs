//! Syslog servers: `/v1/configs/syslogs…`. The work is in `crate::syslog`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use keystead::api::list::List;
use keystead::api::syslog::{Syslog, SyslogRequest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{Reader, Writer};
use super::error::{NotBuilt, Refusal, Refused};
use super::json::Json;
use super::page::{Page, PageQuery};
use super::query::Path;
use crate::agent::Agent;
use crate::syslog;

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, patch, delete))
}

/// The servers that every node sends its alarms to.
#[utoipa::path(get, path = "/configs/syslogs", tag = "syslog", operation_id = "listSyslogs", params(PageQuery),
    responses((status = 200, description = "one page of the servers", body = List<Syslog>), Refused))]
async fn list(_caller: Reader, State(agent): State<Arc<Agent>>, page: Page<10>) -> Result<Json<List<Syslog>>, Refusal> {
    Ok(Json(page.of(syslog::list(&agent).await?)))
}

/// Adds a server.
#[utoipa::path(post, path = "/configs/syslogs", tag = "syslog", operation_id = "newSyslog", request_body = SyslogRequest,
    responses((status = 201, description = "the new entry", body = Syslog), Refused, NotBuilt))]
async fn create(
    _caller: Writer,
    State(agent): State<Arc<Agent>>,
    Json(asked): Json<SyslogRequest>,
) -> Result<(StatusCode, Json<Syslog>), Refusal> {
    Ok((StatusCode::CREATED, Json(syslog::create(&agent, asked).await?)))
}

/// One server.
#[utoipa::path(get, path = "/configs/syslogs/{id}", tag = "syslog", operation_id = "getSyslog",
    params(("id" = String, Path, description = "the entry's id")),
    responses((status = 200, description = "the entry", body = Syslog), Refused))]
async fn get(
    _caller: Reader,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<Json<Syslog>, Refusal> {
    Ok(Json(syslog::get(&agent, &id).await?))
}

/// Changes a server. What is left out stays.
#[utoipa::path(patch, path = "/configs/syslogs/{id}", tag = "syslog", operation_id = "patchSyslog",
    request_body = SyslogRequest, params(("id" = String, Path, description = "the entry's id")),
    responses((status = 200, description = "the entry after the change", body = Syslog), Refused, NotBuilt))]
async fn patch(
    _caller: Writer,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
    Json(asked): Json<SyslogRequest>,
) -> Result<Json<Syslog>, Refusal> {
    Ok(Json(syslog::change(&agent, &id, asked).await?))
}

/// Deletes a server. What waits for it is not sent any more.
#[utoipa::path(delete, path = "/configs/syslogs/{id}", tag = "syslog", operation_id = "deleteSyslog",
    params(("id" = String, Path, description = "the entry's id")),
    responses((status = 204, description = "the entry is deleted"), Refused))]
async fn delete(
    _caller: Writer,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    syslog::delete(&agent, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
