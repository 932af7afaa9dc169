//! The cluster and joining it: `/v1/cluster…`. The work is in `crate::cluster` and `crate::join`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use keystead::api::cluster::{
    AckAnswer, AckRequest, Clash, ClusterInfo, CsrAnswer, CsrRequest, JoinRequest, LanesAnswer, LanesRequest,
    NewClusterRequest,
};
use keystead::api::links::NodeLinks;
use keystead::api::list::List;
use keystead::api::orphan::Orphan;
use keystead::api::preflight::{PreflightReport, PreflightRequest};
use keystead::api::summary::{NodeErrors, Summary};
use keystead::api::verify::{VerifyReport, VerifyRequest};
use keystead::api::wait::{WaitAnswer, WaitRequest};
use keystead::join::request::{Join, NewCluster};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{Ender, Entrant, Reader, Watcher, Writer};
use super::error::{NotBuilt, Refusal, Refused};
use super::json::{Json, OptionalJson};
use super::page::{Page, PageQuery};
use crate::agent::Agent;
use crate::{acknowledge, alarm, cluster, join, links as reconciler, removed, verify};

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::new()
        .routes(routes!(info, delete))
        .routes(routes!(new))
        .routes(routes!(csr))
        .routes(routes!(join_cluster))
        .routes(routes!(preflight))
        .routes(routes!(summary))
        .routes(routes!(errors))
        .routes(routes!(ack, set_ack))
        .routes(routes!(lanes, set_lanes))
        .routes(routes!(links))
        .merge(agreement_routes())
}

/// Whether all members have the same.
fn agreement_routes() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::new()
        .routes(routes!(wait))
        .routes(routes!(verify_now, verified))
        .routes(routes!(clashes))
        .routes(routes!(orphans))
}

/// This node in its cluster. Answers also when it is in none.
#[utoipa::path(get, path = "/cluster", tag = "cluster", operation_id = "clusterInfo", responses((status = 200, description = "this node in its cluster", body = ClusterInfo), Refused))]
async fn info(_caller: Watcher, State(agent): State<Arc<Agent>>) -> Result<Json<ClusterInfo>, Refusal> {
    Ok(Json(cluster::info(&agent).await?))
}

/// Makes a cluster with this node as its first member. The node keeps its accounts and keys.
#[utoipa::path(post, path = "/cluster/new", tag = "cluster", operation_id = "newCluster", request_body = NewClusterRequest,
    responses((status = 200, description = "the new cluster", body = ClusterInfo), Refused, NotBuilt))]
async fn new(
    _caller: Entrant,
    State(agent): State<Arc<Agent>>,
    Json(asked): Json<NewClusterRequest>,
) -> Result<Json<ClusterInfo>, Refusal> {
    let (asked, tasks) = (NewCluster::try_from(asked)?, agent.tasks.clone());
    Ok(Json(
        tasks
            .see_through("cluster new", async move { cluster::create(&agent, asked).await })
            .await?,
    ))
}

/// On a node that is to join: makes a key that never leaves it, and a request to sign. The last request counts.
#[utoipa::path(post, path = "/cluster/csr", tag = "cluster", operation_id = "clusterCsr", request_body = Option<CsrRequest>,
    responses((status = 200, description = "the request, to be signed by a member", body = CsrAnswer), Refused, NotBuilt))]
async fn csr(
    _caller: Entrant,
    State(agent): State<Arc<Agent>>,
    OptionalJson(asked): OptionalJson<CsrRequest>,
) -> Result<Json<CsrAnswer>, Refusal> {
    Ok(Json(cluster::csr(&agent, asked).await?))
}

/// On a node that is to join, with what a member answered: begins the join. It replaces the node's accounts and keys.
#[utoipa::path(post, path = "/cluster/join", tag = "cluster", operation_id = "joinCluster", request_body = JoinRequest,
    responses((status = 200, description = "how far the join is", body = ClusterInfo), Refused, NotBuilt))]
async fn join_cluster(
    _caller: Entrant,
    State(agent): State<Arc<Agent>>,
    Json(asked): Json<JoinRequest>,
) -> Result<Json<ClusterInfo>, Refusal> {
    let blocking = asked.blocking;
    let (asked, tasks) = (Join::try_from(asked)?, agent.tasks.clone());
    Ok(Json(
        tasks
            .see_through(
                "cluster join",
                async move { join::begin(&agent, asked, blocking).await },
            )
            .await?,
    ))
}

/// On a node that is to join, with what a member answered: every check of a join as a list. Nothing is changed.
#[utoipa::path(post, path = "/cluster/preflight", tag = "cluster", operation_id = "clusterPreflight", request_body = PreflightRequest,
    responses((status = 200, description = "the checks, also when some failed", body = PreflightReport), Refused, NotBuilt))]
async fn preflight(
    _caller: Entrant,
    State(agent): State<Arc<Agent>>,
    Json(asked): Json<PreflightRequest>,
) -> Result<Json<PreflightReport>, Refusal> {
    let give_back = asked.give_back;
    let (asked, tasks) = (Join::try_from(asked.join)?, agent.tasks.clone());
    let work = async move { join::examine(&agent, asked, give_back).await };
    Ok(Json(tasks.see_through("cluster preflight", work).await?))
}

/// On a removed node: forgets its cluster. On a joining one: ends the join. On the only member: dissolves the cluster.
#[utoipa::path(delete, path = "/cluster", tag = "cluster", operation_id = "deleteCluster", responses((status = 204, description = "this node is in no cluster any more"), Refused))]
async fn delete(_caller: Ender, State(agent): State<Arc<Agent>>) -> Result<StatusCode, Refusal> {
    let tasks = agent.tasks.clone();
    tasks
        .see_through("cluster delete", async move { cluster::leave(&agent).await })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How every node sees every other.
#[utoipa::path(get, path = "/cluster/summary", tag = "cluster", operation_id = "clusterSummary", responses((status = 200, description = "by viewer, then by viewed node", body = Summary), Refused))]
async fn summary(_caller: Watcher, State(agent): State<Arc<Agent>>) -> Result<Json<Summary>, Refusal> {
    Ok(Json(cluster::summary(&agent).await?))
}

/// What is wrong between nodes. Empty when nothing is.
#[utoipa::path(get, path = "/cluster/errors", tag = "cluster", operation_id = "clusterErrors", params(PageQuery),
    responses((status = 200, description = "what is wrong, by node and viewer", body = List<NodeErrors>), Refused))]
async fn errors(
    _caller: Watcher,
    State(agent): State<Arc<Agent>>,
    page: Page<256>,
) -> Result<Json<List<NodeErrors>>, Refusal> {
    Ok(Json(page.of(cluster::errors(&agent).await?)))
}

/// Who must have a write before it is acknowledged, for writes that do not ask for something else.
#[utoipa::path(get, path = "/cluster/ack", tag = "cluster", operation_id = "clusterAck",
    responses((status = 200, description = "what is set, and what it means here and now", body = AckAnswer), Refused))]
async fn ack(_caller: Reader, State(agent): State<Arc<Agent>>) -> Result<Json<AckAnswer>, Refusal> {
    Ok(Json(acknowledge::get(&agent).await?))
}

/// Sets it, for all nodes. More than there are other members is refused.
#[utoipa::path(patch, path = "/cluster/ack", tag = "cluster", operation_id = "setClusterAck", request_body = AckRequest,
    responses((status = 200, description = "what is set now", body = AckAnswer), Refused))]
async fn set_ack(
    _caller: Writer,
    State(agent): State<Arc<Agent>>,
    Json(asked): Json<AckRequest>,
) -> Result<Json<AckAnswer>, Refusal> {
    let tasks = agent.tasks.clone();
    let work = async move { acknowledge::set(&agent, &asked).await };
    Ok(Json(tasks.see_through("setting ack", work).await?))
}

/// In how many lanes nodes send: how many workers apply what one node sends.
#[utoipa::path(get, path = "/cluster/lanes", tag = "cluster", operation_id = "clusterLanes",
    responses((status = 200, description = "what is set, and what this node does", body = LanesAnswer), Refused))]
async fn lanes(_caller: Reader, State(agent): State<Arc<Agent>>) -> Result<Json<LanesAnswer>, Refusal> {
    Ok(Json(reconciler::lanes::get(&agent).await?))
}

/// Sets it, for all nodes, from 1 to 4. Each node follows when all others are ready for it.
#[utoipa::path(patch, path = "/cluster/lanes", tag = "cluster", operation_id = "setClusterLanes", request_body = LanesRequest,
    responses((status = 200, description = "what is set now", body = LanesAnswer), Refused))]
async fn set_lanes(
    _caller: Writer,
    State(agent): State<Arc<Agent>>,
    Json(asked): Json<LanesRequest>,
) -> Result<Json<LanesAnswer>, Refusal> {
    let tasks = agent.tasks.clone();
    let work = async move { reconciler::lanes::set(&agent, &asked).await };
    Ok(Json(tasks.see_through("setting lanes", work).await?))
}

/// Waits until every member has everything that this node had when it was asked. 503 names those that do not in time.
#[utoipa::path(post, path = "/cluster/wait", tag = "cluster", operation_id = "waitForMembers", request_body = Option<WaitRequest>,
    responses((status = 200, description = "every member has it; or, when more time was asked for than one call has, how far it is", body = WaitAnswer), Refused))]
async fn wait(
    _caller: Reader,
    State(agent): State<Arc<Agent>>,
    OptionalJson(asked): OptionalJson<WaitRequest>,
) -> Result<Json<WaitAnswer>, Refusal> {
    Ok(Json(cluster::wait(&agent, &asked).await?))
}

/// Compares this node's data with that of every other member, row by row where it differs, and mends it when asked to.
/// Answers when that is done, or after 20 seconds with how far it is.
#[utoipa::path(post, path = "/cluster/verify", tag = "cluster", operation_id = "verifyCluster", request_body = Option<VerifyRequest>,
    responses((status = 200, description = "what was found; while it runs, ask with GET", body = VerifyReport), Refused))]
async fn verify_now(
    _caller: Writer,
    State(agent): State<Arc<Agent>>,
    OptionalJson(asked): OptionalJson<VerifyRequest>,
) -> Result<Json<VerifyReport>, Refusal> {
    Ok(Json(verify::start(&agent, asked.repair).await?))
}

/// The verification that runs, or the last one that was asked for here.
#[utoipa::path(get, path = "/cluster/verify", tag = "cluster", operation_id = "clusterVerified",
    responses((status = 200, description = "what was found, or how far it is", body = VerifyReport), Refused))]
async fn verified(_caller: Reader, State(agent): State<Arc<Agent>>) -> Result<Json<VerifyReport>, Refusal> {
    Ok(Json(verify::latest(&agent)?))
}

/// Names that several keys or accounts have, since two parts of the cluster gave them while apart. Empty when none has.
#[utoipa::path(get, path = "/cluster/clashes", tag = "cluster", operation_id = "clusterClashes", params(PageQuery),
    responses((status = 200, description = "the names, with the ids", body = List<Clash>), Refused))]
async fn clashes(
    _caller: Reader,
    State(agent): State<Arc<Agent>>,
    page: Page<256>,
) -> Result<Json<List<Clash>>, Refusal> {
    Ok(Json(page.of(alarm::clashes(&agent).await?)))
}

/// What this machine wrote as a member and no member is known to have had when it was removed. Empty when there is nothing.
#[utoipa::path(get, path = "/cluster/orphans", tag = "cluster", operation_id = "clusterOrphans", params(PageQuery),
    responses((status = 200, description = "the rows, the oldest first, without secrets", body = List<Orphan>), Refused))]
async fn orphans(
    _caller: Reader,
    State(agent): State<Arc<Agent>>,
    page: Page<256>,
) -> Result<Json<List<Orphan>>, Refusal> {
    Ok(Json(page.of(removed::list(&agent).await?)))
}

/// What the links of this node to every other are made of: what should be there, what is, and what was done last and why.
#[utoipa::path(get, path = "/cluster/links", tag = "cluster", operation_id = "clusterLinks", params(PageQuery),
    responses((status = 200, description = "the links, by the other node", body = List<NodeLinks>), Refused))]
async fn links(
    _caller: Watcher,
    State(agent): State<Arc<Agent>>,
    page: Page<256>,
) -> Result<Json<List<NodeLinks>>, Refusal> {
    Ok(Json(page.of(reconciler::list(&agent).await?)))
}
