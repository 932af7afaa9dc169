//! Backups: `/v1/backups…` and `/v1/backupStatus`. The work is in `crate::backup`.
//!
//! They belong to this node alone, so a node that is being joined, fenced or removed takes these calls too, but for those
//! that read or replace its data.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use keystead::api::backup::{Backup, BackupStatus, NewBackupRequest, RestoreRequest};
use keystead::api::list::List;
use keystead::backup::NewBackup;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{Caller, Ender, Reader, Watcher};
use super::error::{NotBuilt, Refusal, Refused};
use super::json::{Json, OptionalJson};
use super::page::{Page, PageQuery};
use super::path;
use super::query::Path;
use crate::agent::Agent;
use crate::backup;

/// Where files are taken in, under the base path.
const UPLOAD: &str = "/backups/upload";

/// What the file of a backup is.
const BINARY: &str = "application/octet-stream";

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(upload))
        .routes(routes!(get, delete))
        .routes(routes!(restore))
        .routes(routes!(download))
        .routes(routes!(status))
}

/// Is this a file that is taken in? No limit of ordinary calls is for it.
pub(crate) fn is_upload(request: &Request) -> bool {
    request.uri().path().strip_prefix(path::BASE) == Some(UPLOAD)
}

/// The backups that are on this node.
#[utoipa::path(get, path = "/backups", tag = "backups", operation_id = "listBackups", params(PageQuery),
    responses((status = 200, description = "one page of the backups, the oldest first", body = List<Backup>), Refused))]
async fn list(
    _caller: Watcher,
    State(agent): State<Arc<Agent>>,
    page: Page<10>,
) -> Result<Json<List<Backup>>, Refusal> {
    Ok(Json(page.of(backup::list(&agent).await?)))
}

/// Makes a backup of this node's accounts, keys and syslog servers. Answers when it is made, or after 20 seconds with how
/// far it is.
#[utoipa::path(post, path = "/backups", tag = "backups", operation_id = "newBackup", request_body = Option<NewBackupRequest>,
    responses((status = 201, description = "the backup; while it is made, ask with GET", body = Backup), Refused, NotBuilt))]
async fn create(
    _caller: Reader,
    State(agent): State<Arc<Agent>>,
    OptionalJson(asked): OptionalJson<NewBackupRequest>,
) -> Result<(StatusCode, Json<Backup>), Refusal> {
    let asked = NewBackup::try_from(asked)?;
    Ok((StatusCode::CREATED, Json(backup::create(&agent, asked).await?)))
}

/// Takes in the file of a backup that was downloaded from this node or another one: the body is the file.
#[utoipa::path(post, path = "/backups/upload", tag = "backups", operation_id = "uploadBackup",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "the backup", body = Backup), Refused))]
async fn upload(
    _caller: Caller,
    State(agent): State<Arc<Agent>>,
    request: Request,
) -> Result<(StatusCode, Json<Backup>), Refusal> {
    let backup = backup::upload(&agent, request.into_body()).await?;
    Ok((StatusCode::CREATED, Json(backup)))
}

/// One backup.
#[utoipa::path(get, path = "/backups/{id}", tag = "backups", operation_id = "getBackup",
    params(("id" = String, Path, description = "the backup's id")),
    responses((status = 200, description = "the backup", body = Backup), Refused))]
async fn get(
    _caller: Watcher,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<Json<Backup>, Refusal> {
    Ok(Json(backup::get(&agent, &id).await?))
}

/// Deletes a backup.
#[utoipa::path(delete, path = "/backups/{id}", tag = "backups", operation_id = "deleteBackup",
    params(("id" = String, Path, description = "the backup's id")),
    responses((status = 204, description = "it is deleted"), Refused))]
async fn delete(
    _caller: Caller,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    backup::delete(&agent, &id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replaces this node's accounts, keys and syslog servers by those of a backup. Only on a node that is in no cluster; what
/// is replaced is backed up before, if there are keys. Answers when it is done, or after 20 seconds with how far it is.
#[utoipa::path(post, path = "/backups/{id}/restore", tag = "backups", operation_id = "restoreBackup",
    request_body = Option<RestoreRequest>, params(("id" = String, Path, description = "the backup's id")),
    responses((status = 200, description = "how it is", body = BackupStatus), Refused))]
async fn restore(
    _caller: Ender,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
    OptionalJson(asked): OptionalJson<RestoreRequest>,
) -> Result<Json<BackupStatus>, Refusal> {
    Ok(Json(backup::restore(&agent, &id, &asked).await?))
}

/// The file of a backup. Its backup key opens it, which is downloaded apart.
#[utoipa::path(get, path = "/backups/{id}/download", tag = "backups", operation_id = "downloadBackup",
    params(("id" = String, Path, description = "the backup's id")),
    responses((status = 200, description = "the file", body = Vec<u8>, content_type = "application/octet-stream"), Refused))]
async fn download(
    _caller: Caller,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Refusal> {
    let (size, file) = backup::download(&agent, &id).await?;
    let name = format!("attachment; filename=\"{id}.backup\"");
    let headers = [
        (header::CONTENT_TYPE, BINARY.to_owned()),
        (header::CONTENT_LENGTH, size.to_string()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, file))
}

/// The backup or restore that runs on this node, or the last one.
#[utoipa::path(get, path = "/backupStatus", tag = "backups", operation_id = "backupStatus",
    responses((status = 200, description = "how it is", body = BackupStatus), Refused))]
async fn status(_caller: Watcher, State(agent): State<Arc<Agent>>) -> Result<Json<BackupStatus>, Refusal> {
    Ok(Json(backup::status(&agent)))
}
