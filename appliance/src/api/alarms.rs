//! Alarms: `/v1/system/alarms…`. The work is in `crate::alarm`.

use std::sync::Arc;

use axum::extract::State;
use keystead::api::alarm::Alarm;
use keystead::api::list::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{Acting, Reader};
use super::error::{Refusal, Refused};
use super::json::{Json, NoFields};
use super::page::{Page, PageQuery};
use super::query::{Path, Query};
use crate::agent::Agent;
use crate::alarm::{self, Asked};

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(acknowledge))
        .routes(routes!(clear))
}

/// The alarms of all nodes, the newest first.
#[utoipa::path(get, path = "/system/alarms", tag = "alarms", operation_id = "listAlarms", params(PageQuery, Asked),
    responses((status = 200, description = "one page of the alarms that match", body = List<Alarm>), Refused))]
async fn list(
    _caller: Reader,
    State(agent): State<Arc<Agent>>,
    page: Page<10>,
    Query(asked): Query<Asked>,
) -> Result<Json<List<Alarm>>, Refusal> {
    let (total, alarms) = alarm::list(&agent, asked, page.skip, page.limit).await?;
    Ok(Json(page.envelope(total, alarms)))
}

/// One alarm.
#[utoipa::path(get, path = "/system/alarms/{id}", tag = "alarms", operation_id = "getAlarm",
    params(("id" = String, Path, description = "the alarm's id")),
    responses((status = 200, description = "the alarm", body = Alarm), Refused))]
async fn get(_caller: Reader, State(agent): State<Arc<Agent>>, Path(id): Path<String>) -> Result<Json<Alarm>, Refusal> {
    Ok(Json(alarm::get(&agent, &id).await?))
}

/// Says that somebody has taken notice of an alarm. Once an alarm is raised anew, nobody has.
#[utoipa::path(post, path = "/system/alarms/{id}/acknowledge", tag = "alarms", operation_id = "acknowledgeAlarm",
    params(("id" = String, Path, description = "the alarm's id")),
    responses((status = 200, description = "the alarm after it", body = Alarm), Refused))]
async fn acknowledge(
    caller: Acting,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
    _body: NoFields,
) -> Result<Json<Alarm>, Refusal> {
    Ok(Json(alarm::acknowledge(&agent, &id, &caller.account).await?))
}

/// Turns an alarm off, though its cause may still be there. It is on again when it is raised anew.
#[utoipa::path(post, path = "/system/alarms/{id}/clear", tag = "alarms", operation_id = "clearAlarm",
    params(("id" = String, Path, description = "the alarm's id")),
    responses((status = 200, description = "the alarm after it", body = Alarm), Refused))]
async fn clear(
    caller: Acting,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
    _body: NoFields,
) -> Result<Json<Alarm>, Refusal> {
    Ok(Json(alarm::clear(&agent, &id, &caller.account).await?))
}
