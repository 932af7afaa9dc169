//! Keys: `/v1/vault/keys2…`. The work is in `crate::keys`.
//!
//! There is no `DELETE` without an id: a client sends it by mistake, and must never delete them all.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::{HeaderName, StatusCode};
use keystead::api::key::{
    DestroyKeyRequest, ExportKeyRequest, ExportedKey, Key, NewKeyRequest, NewVersionRequest, PatchKeyRequest,
    RevokeKeyRequest,
};
use keystead::api::list::List;
use keystead::key::request::{KeyChange, NewKey, NewVersion};
use keystead::key::transition::Revocation;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ROW_VERSION;
use super::ack::{Asked as AckAsked, Given};
use super::auth::{Reader, Writer};
use super::error::{NotBuilt, Refusal, Refused};
use super::json::{Json, OptionalJson};
use super::page::{Page, PageQuery};
use super::query::{Path, Query};
use crate::agent::Agent;
use crate::keys::{self, Asked, Named};

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, patch, delete))
        .routes(routes!(versions, rotate))
        .routes(routes!(export))
        .routes(routes!(revoke))
        .routes(routes!(destroy))
}

/// What a key is named by in the path.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct By {
    /// `id`, `name` or `uuid`; by `alias`, `muid` and `keyId`, which no key has, none is found. When left out, an id is
    /// looked for first, then a name, then a UUID.
    #[serde(rename = "type")]
    #[param(pattern = "^(id|name|uuid|alias|muid|keyId)?$")]
    kind: Option<String>,
    /// Which version of the key is meant; -1 is the current one. When left out, the one that has the id, or the current one
    /// of the name.
    #[param(value_type = Option<i32>, minimum = -1)]
    version: Option<String>,
}

/// The key that a call writes to, and what it asks for.
#[derive(FromRequestParts)]
struct Target {
    id: Path<String>,
    by: Query<By>,
    ack: AckAsked,
}

impl Target {
    fn named(&self) -> Named<'_> {
        named(&self.id.0, &self.by.0)
    }
}

fn named<'a>(what: &'a str, by: &'a By) -> Named<'a> {
    Named {
        what,
        kind: by.kind.as_deref(),
        version: by.version.as_deref(),
    }
}

/// What every call that writes may ask for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by `ack.rs`; this describes it")]
struct AckHeader {
    /// Where the write is durable before it is acknowledged: `local`, or `any-K` for the disks of K other members too.
    /// What the cluster is set to when absent. The answer has the same header and says what it was.
    #[param(rename = "x-keystead-ack", pattern = "^(local|any-([1-9]|1[0-9]))$")]
    ack: Option<String>,
}

/// Keys, the oldest first.
#[utoipa::path(get, path = "/vault/keys2", tag = "keys", operation_id = "listKeys", params(PageQuery, Asked),
    responses((status = 200, description = "one page of the keys that match", body = List<Key>), Refused))]
async fn list(
    _caller: Reader,
    State(agent): State<Arc<Agent>>,
    page: Page<10>,
    Query(asked): Query<Asked>,
) -> Result<Json<List<Key>>, Refusal> {
    let (total, keys) = keys::list(&agent, asked.try_into()?, page.skip, page.limit).await?;
    Ok(Json(page.envelope(total, keys)))
}

/// Makes a key, or imports one when material is given.
#[utoipa::path(post, path = "/vault/keys2", tag = "keys", operation_id = "newKey", request_body = NewKeyRequest, params(AckHeader),
    responses((status = 201, description = "the new key", body = Key), Refused, NotBuilt))]
async fn create(
    caller: Writer,
    State(agent): State<Arc<Agent>>,
    AckAsked(ack): AckAsked,
    Json(asked): Json<NewKeyRequest>,
) -> Result<(StatusCode, Given, Json<Key>), Refusal> {
    let (asked, tasks) = (NewKey::try_from(asked)?, agent.tasks.clone());
    let work = async move { keys::create(&agent, asked, ack).await };
    let (key, ack) = caller.see_through(tasks, "key creation", work).await?;
    Ok((StatusCode::CREATED, Given(ack), Json(key)))
}

/// One key, without its material.
#[utoipa::path(get, path = "/vault/keys2/{id}", tag = "keys", operation_id = "getKey",
    params(("id" = String, Path, description = "the key's id or name"), By),
    responses((status = 200, description = "the key", body = Key), Refused))]
async fn get(
    _caller: Reader,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
    Query(by): Query<By>,
) -> Result<Json<Key>, Refusal> {
    Ok(Json(keys::get(&agent, &named(&id, &by)).await?))
}

/// Changes a key's name, description or usage, and whether it may be deleted; or keeps its material from ever leaving.
#[utoipa::path(patch, path = "/vault/keys2/{id}", tag = "keys", operation_id = "patchKey", request_body = PatchKeyRequest,
    params(("id" = String, Path, description = "the key's id or name"), By, AckHeader),
    responses((status = 200, description = "the key after the change", body = Key), Refused, NotBuilt))]
async fn patch(
    caller: Writer,
    State(agent): State<Arc<Agent>>,
    target: Target,
    Json(asked): Json<PatchKeyRequest>,
) -> Result<(Given, Json<Key>), Refusal> {
    let (change, tasks) = (KeyChange::try_from(asked)?, agent.tasks.clone());
    let work = async move { keys::change(&agent, &target.named(), &change, target.ack.0).await };
    let (key, ack) = caller.see_through(tasks, "key change", work).await?;
    Ok((Given(ack), Json(key)))
}

/// All versions of a key, the current one first.
#[utoipa::path(get, path = "/vault/keys2/{id}/versions", tag = "keys", operation_id = "listKeyVersions",
    params(("id" = String, Path, description = "the name of the key, or the id of any of its versions"), By, PageQuery),
    responses((status = 200, description = "one page of its versions", body = List<Key>), Refused))]
async fn versions(
    _caller: Reader,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
    Query(by): Query<By>,
    page: Page<10>,
) -> Result<Json<List<Key>>, Refusal> {
    let (total, keys) = keys::versions(&agent, &named(&id, &by), page.skip, page.limit).await?;
    Ok(Json(page.envelope(total, keys)))
}

/// Rotates a key: makes a version with new material, or imports one, which from now on is the current one. Those before stay.
#[utoipa::path(post, path = "/vault/keys2/{id}/versions", tag = "keys", operation_id = "newKeyVersion", request_body = Option<NewVersionRequest>,
    params(("id" = String, Path, description = "the name of the key, or the id of any of its versions"), By, AckHeader),
    responses((status = 201, description = "the new version", body = Key), Refused, NotBuilt))]
async fn rotate(
    caller: Writer,
    State(agent): State<Arc<Agent>>,
    target: Target,
    OptionalJson(asked): OptionalJson<NewVersionRequest>,
) -> Result<(StatusCode, Given, Json<Key>), Refusal> {
    let (asked, tasks) = (NewVersion::try_from(asked)?, agent.tasks.clone());
    let work = async move { keys::rotate(&agent, &target.named(), &asked, target.ack.0).await };
    let (key, ack) = caller.see_through(tasks, "key rotation", work).await?;
    Ok((StatusCode::CREATED, Given(ack), Json(key)))
}

/// One key with its material.
#[utoipa::path(post, path = "/vault/keys2/{id}/export", tag = "keys", operation_id = "exportKey",
    request_body = Option<ExportKeyRequest>, params(("id" = String, Path, description = "the key's id or name"), By),
    responses((status = 200, description = "the key with its material", body = ExportedKey), Refused, NotBuilt))]
async fn export(
    _caller: Writer,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
    Query(by): Query<By>,
    OptionalJson(asked): OptionalJson<ExportKeyRequest>,
) -> Result<Json<ExportedKey>, Refusal> {
    Ok(Json(keys::export(&agent, &named(&id, &by), asked.try_into()?).await?))
}

/// Revokes a key: Deactivated, or Compromised when the reason says so. There is no way back.
#[utoipa::path(post, path = "/vault/keys2/{id}/revoke", tag = "keys", operation_id = "revokeKey", request_body = RevokeKeyRequest,
    params(("id" = String, Path, description = "the key's id or name"), By, AckHeader),
    responses((status = 200, description = "the key in its new state", body = Key), Refused, NotBuilt))]
async fn revoke(
    caller: Writer,
    State(agent): State<Arc<Agent>>,
    target: Target,
    Json(asked): Json<RevokeKeyRequest>,
) -> Result<(Given, Json<Key>), Refusal> {
    let (revocation, tasks) = (Revocation::try_from(&asked)?, agent.tasks.clone());
    let work = async move { keys::revoke(&agent, &target.named(), revocation, target.ack.0).await };
    let (key, ack) = caller.see_through(tasks, "key revocation", work).await?;
    Ok((Given(ack), Json(key)))
}

/// Destroys the material of a key that is not active any more, on every node. What is said of the key stays.
#[utoipa::path(post, path = "/vault/keys2/{id}/destroy", tag = "keys", operation_id = "destroyKey",
    request_body = Option<DestroyKeyRequest>, params(("id" = String, Path, description = "the key's id or name"), By, AckHeader),
    responses((status = 200, description = "the key in its new state", body = Key), Refused, NotBuilt))]
async fn destroy(
    caller: Writer,
    State(agent): State<Arc<Agent>>,
    target: Target,
    _asked: OptionalJson<DestroyKeyRequest>,
) -> Result<(Given, Json<Key>), Refusal> {
    let tasks = agent.tasks.clone();
    let work = async move { keys::destroy(&agent, &target.named(), target.ack.0).await };
    let (key, ack) = caller.see_through(tasks, "key destruction", work).await?;
    Ok((Given(ack), Json(key)))
}

/// Deletes a key for good, on every node.
#[utoipa::path(delete, path = "/vault/keys2/{id}", tag = "keys", operation_id = "deleteKey",
    params(("id" = String, Path, description = "the key's id or name"), By, AckHeader),
    responses((status = 204, description = "the key is deleted", headers(("row-version" = i64, description = "the version of the deletion"))), Refused))]
async fn delete(
    caller: Writer,
    State(agent): State<Arc<Agent>>,
    target: Target,
) -> Result<(StatusCode, Given, [(HeaderName, String); 1]), Refusal> {
    let tasks = agent.tasks.clone();
    let work = async move { keys::delete(&agent, &target.named(), target.ack.0).await };
    let (version, ack) = caller.see_through(tasks, "key deletion", work).await?;
    Ok((StatusCode::NO_CONTENT, Given(ack), [(ROW_VERSION, version.to_string())]))
}
