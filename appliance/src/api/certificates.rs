//! Certificates between nodes: `/v1/cluster/certificates…` and `/v1/cluster/rotate-ca`. The work is in
//! `crate::certificates`.

use std::sync::Arc;

use axum::extract::State;
use keystead::api::certificate::Certificates;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{Reader, Writer};
use super::error::{Refusal, Refused};
use super::json::{Json, NoFields};
use crate::agent::Agent;
use crate::certificates;

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(renew))
        .routes(routes!(rotate_ca))
}

/// The cluster's certificate authority, the certificate of every node, and whom an exchange of the authority waits for.
#[utoipa::path(get, path = "/cluster/certificates", tag = "cluster", operation_id = "clusterCertificates",
    responses((status = 200, description = "what there is", body = Certificates), Refused))]
async fn list(_caller: Reader, State(agent): State<Arc<Agent>>) -> Result<Json<Certificates>, Refusal> {
    Ok(Json(certificates::answer(&agent).await?))
}

/// Renews the certificate of this node now. Its links go on.
#[utoipa::path(post, path = "/cluster/certificates/renew", tag = "cluster", operation_id = "renewCertificate",
    responses((status = 200, description = "what there is now", body = Certificates), Refused))]
async fn renew(
    _caller: Writer,
    State(agent): State<Arc<Agent>>,
    _body: NoFields,
) -> Result<Json<Certificates>, Refusal> {
    let tasks = agent.tasks.clone();
    let work = async move {
        certificates::renew(&agent).await?;
        certificates::answer(&agent).await
    };
    Ok(Json(tasks.see_through("renewing a certificate", work).await?))
}

/// Exchanges the cluster's certificate authority for a new one. Goes on by itself when this has answered: all nodes
/// believe both, renew their certificates, and then the old one goes. It waits for nodes that are away.
#[utoipa::path(post, path = "/cluster/rotate-ca", tag = "cluster", operation_id = "rotateCa",
    responses((status = 200, description = "the old authority and the new, and whom the exchange waits for", body = Certificates), Refused))]
async fn rotate_ca(
    _caller: Writer,
    State(agent): State<Arc<Agent>>,
    _body: NoFields,
) -> Result<Json<Certificates>, Refusal> {
    let tasks = agent.tasks.clone();
    let work = async move { certificates::rotate(&agent).await };
    Ok(Json(tasks.see_through("exchanging the authority", work).await?))
}
