//! The members, as this node sees them: `/v1/nodes…`. The work is in `crate::cluster`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode};
use keystead::api::cluster::{NewNodeAnswer, NewNodeRequest};
use keystead::api::list::List;
use keystead::api::node::{Node, PatchNodeRequest};
use keystead::join::request::{NewNode, public_address};
use keystead::{Error, NodeId, Result};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ROW_VERSION;
use super::auth::{Freer, Watcher, Writer};
use super::error::{NotBuilt, Refusal, Refused};
use super::json::Json;
use super::page::{Page, PageQuery};
use super::query::{Path, Query};
use crate::agent::Agent;
use crate::cluster::{self, Removal};

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::new()
        .routes(routes!(list, sign))
        .routes(routes!(get, patch, delete))
}

/// How a node is removed.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct HowRemoved {
    /// Remove it though no majority of the other members can be reached.
    #[serde(default)]
    force: bool,
}

/// All members.
#[utoipa::path(get, path = "/nodes", tag = "nodes", operation_id = "listNodes", params(PageQuery),
    responses((status = 200, description = "one page of the members", body = List<Node>), Refused))]
async fn list(_caller: Watcher, State(agent): State<Arc<Agent>>, page: Page<256>) -> Result<Json<List<Node>>, Refusal> {
    Ok(Json(page.of(cluster::nodes(&agent).await?)))
}

/// On a member: signs the request of a node that is to join, and gives it what it needs.
#[utoipa::path(post, path = "/nodes", tag = "nodes", operation_id = "newNode", request_body = NewNodeRequest,
    responses((status = 200, description = "what the joining node needs, to be copied verbatim", body = NewNodeAnswer), Refused, NotBuilt))]
async fn sign(
    // Only a member signs. A node that is joining must be reached, to answer that consensus is down: clients wait then.
    _caller: Watcher,
    State(agent): State<Arc<Agent>>,
    Json(asked): Json<NewNodeRequest>,
) -> Result<Json<NewNodeAnswer>, Refusal> {
    Ok(Json(cluster::sign(&agent, NewNode::try_from(asked)?).await?))
}

/// One member.
#[utoipa::path(get, path = "/nodes/{id}", tag = "nodes", operation_id = "getNode", params(("id" = String, Path, description = "the node's id")),
    responses((status = 200, description = "the member", body = Node), Refused))]
async fn get(_caller: Watcher, State(agent): State<Arc<Agent>>, Path(id): Path<String>) -> Result<Json<Node>, Refusal> {
    Ok(Json(find(&agent, &node_id(&id)?).await?))
}

/// Changes where users reach a member.
#[utoipa::path(patch, path = "/nodes/{id}", tag = "nodes", operation_id = "patchNode", params(("id" = String, Path, description = "the node's id")),
    request_body = PatchNodeRequest, responses((status = 200, description = "the member after the change", body = Node), Refused))]
async fn patch(
    _caller: Writer,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
    Json(asked): Json<PatchNodeRequest>,
) -> Result<Json<Node>, Refusal> {
    let id = node_id(&id)?;
    let node = match asked.public_address {
        Some(address) => cluster::set_public_address(&agent, &id, public_address(Some(address))?).await?,
        None => find(&agent, &id).await?,
    };
    Ok(Json(node))
}

/// Removes another member, for ever.
#[utoipa::path(delete, path = "/nodes/{id}", tag = "nodes", operation_id = "deleteNode",
    params(("id" = String, Path, description = "the node's id"), HowRemoved), responses((status = 204, description = "the node is removed", headers(("row-version" = i64, description = "the version of the removal"))), Refused))]
async fn delete(
    caller: Freer,
    State(agent): State<Arc<Agent>>,
    Path(id): Path<String>,
    Query(how): Query<HowRemoved>,
) -> Result<(StatusCode, [(HeaderName, String); 1]), Refusal> {
    let tasks = agent.tasks.clone();
    let removal = Removal {
        id: node_id(&id)?,
        force: how.force,
        account: caller.account,
    };
    let work = async move { cluster::remove(&agent, &removal).await };
    let version = tasks.see_through("node removal", work).await?;
    Ok((StatusCode::NO_CONTENT, [(ROW_VERSION, version.to_string())]))
}

/// A text that cannot be an id is the id of no node.
fn node_id(text: &str) -> Result<NodeId> {
    text.parse()
        .map_err(|_| Error::not_found(format_args!("no node {text:.80} in this cluster")))
}

async fn find(agent: &Arc<Agent>, id: &NodeId) -> Result<Node> {
    let nodes = cluster::nodes(agent).await?;
    let found = nodes.into_iter().find(|node| node.node_id == *id);
    found.ok_or_else(|| Error::not_found("the node"))
}
