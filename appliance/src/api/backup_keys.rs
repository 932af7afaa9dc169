//! The keys that open backups: `/v1/backupkeys…`. The work is in `crate::backup::keys`. They belong to this node alone.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use keystead::api::backup::{
    BackupKey, BackupKeyFile, DownloadBackupKeyRequest, NewBackupKeyRequest, UploadBackupKeyRequest,
};
use keystead::api::list::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::Caller;
use super::error::{NotBuilt, Refusal, Refused};
use super::json::{Json, NoFields, OptionalJson};
use super::page::{Page, PageQuery};
use super::query::Path;
use crate::agent::Agent;
use crate::backup::keys;

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(upload))
        .routes(routes!(get, delete))
        .routes(routes!(make_default))
        .routes(routes!(download))
}

/// The backup keys that are on this node.
#[utoipa::path(get, path = "/backupkeys", tag = "backups", operation_id = "listBackupKeys", params(PageQuery),
    responses((status = 200, description = "one page of the keys, the oldest first", body = List<BackupKey>), Refused))]
async fn list(
    _caller: Caller,
    State(agent): State<Arc<Agent>>,
    page: Page<10>,
) -> Result<Json<List<BackupKey>>, Refusal> {
    Ok(Json(page.of(keys::list(&agent).await?)))
}

/// Makes a backup key.
#[utoipa::path(post, path = "/backupkeys", tag = "backups", operation_id = "newBackupKey", request_body = Option<NewBackupKeyRequest>,
    responses((status = 201, description = "the new key", body = BackupKey), Refused, NotBuilt))]
async fn create(
    _caller: Caller,
    State(agent): State<Arc<Agent>>,
    OptionalJson(asked): OptionalJson<NewBackupKeyRequest>,
) -> Result<(StatusCode, Json<BackupKey>), Refusal> {
    Ok((StatusCode::CREATED, Json(keys::create(&agent, &asked).await?)))
}

/// Takes in a backup key that was downloaded from this node or another one.
#[utoipa::path(post, path = "/backupkeys/upload", tag = "backups", operation_id = "uploadBackupKey",
    request_body = UploadBackupKeyRequest,
    responses((status = 201, description = "the key", body = BackupKey), Refused))]
async fn upload(
    _caller: Caller,
    State(agent): State<Arc<Agent>>,
    Json(asked): Json<UploadBackupKeyRequest>,
) -> Result<(StatusCode, Json<BackupKey>), Refusal> {
    Ok((StatusCode::CREATED, Json(keys::upload(&agent, asked).await?)))
}

/// One backup key, without its secret.
#[utoipa::path(get, path = "/backupkeys/{id}", tag = "backups", operation_id = "getBackupKey",
    params(("id" = String, Path, description = "the key's id")),
    responses((status = 200, description = "the key", body = BackupKey), Refused))]
async fn get(
    _caller: Caller,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<Json<BackupKey>, Refusal> {
    Ok(Json(keys::get(&agent, &id).await?))
}

/// Deletes a backup key. Not the default one, and not while a backup on this node needs it.
#[utoipa::path(delete, path = "/backupkeys/{id}", tag = "backups", operation_id = "deleteBackupKey",
    params(("id" = String, Path, description = "the key's id")),
    responses((status = 204, description = "it is deleted"), Refused))]
async fn delete(
    _caller: Caller,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    keys::delete(&agent, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// From now on backups are made with this key when nothing is said.
#[utoipa::path(post, path = "/backupkeys/{id}/default", tag = "backups", operation_id = "defaultBackupKey",
    params(("id" = String, Path, description = "the key's id")),
    responses((status = 200, description = "the key", body = BackupKey), Refused))]
async fn make_default(
    _caller: Caller,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
    _body: NoFields,
) -> Result<Json<BackupKey>, Refusal> {
    Ok(Json(keys::make_default(&agent, &id).await?))
}

/// The key as a file, locked with a password.
#[utoipa::path(post, path = "/backupkeys/{id}/download", tag = "backups", operation_id = "downloadBackupKey",
    request_body = DownloadBackupKeyRequest, params(("id" = String, Path, description = "the key's id")),
    responses((status = 200, description = "the file", body = BackupKeyFile), Refused))]
async fn download(
    _caller: Caller,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
    Json(asked): Json<DownloadBackupKeyRequest>,
) -> Result<Json<BackupKeyFile>, Refusal> {
    Ok(Json(keys::download(&agent, &id, asked).await?))
}
