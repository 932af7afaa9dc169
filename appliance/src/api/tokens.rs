//! Tokens and passwords: `/v1/auth/…`. The work is in `crate::account`. None of these needs a token.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use keystead::api::auth::{ChangePasswordAnswer, ChangePasswordRequest, TokenAnswer, TokenRequest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{NotBuilt, Refusal, Refused};
use super::json::{Json, JsonOrForm};
use super::standing;
use crate::account;
use crate::agent::Agent;

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::new()
        .routes(routes!(log_in))
        .routes(routes!(change_password))
}

/// Logs in with a password or a refresh token.
#[utoipa::path(post, path = "/auth/tokens", tag = "auth", operation_id = "newToken", request_body = TokenRequest, security(()),
    responses((status = 200, description = "tokens", body = TokenAnswer), Refused, NotBuilt))]
async fn log_in(
    State(agent): State<Arc<Agent>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    JsonOrForm(asked): JsonOrForm<TokenRequest>,
) -> Result<Json<TokenAnswer>, Refusal> {
    standing::may_log_in(agent.standing())?;
    Ok(Json(account::log_in(&agent, asked, peer.ip()).await?))
}

/// Changes a password. The password in force is the credential.
#[utoipa::path(patch, path = "/auth/changepw", tag = "auth", operation_id = "changePassword", request_body = ChangePasswordRequest, security(()),
    responses((status = 200, description = "the password is changed", body = ChangePasswordAnswer), Refused))]
async fn change_password(
    State(agent): State<Arc<Agent>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Json(asked): Json<ChangePasswordRequest>,
) -> Result<Json<ChangePasswordAnswer>, Refusal> {
    standing::may_write(agent.standing())?;
    let _call = agent.calls.read().await;
    // A restore that was waited for may have failed, or a join begun.
    standing::may_write(agent.standing())?;
    Ok(Json(account::change_password(&agent, asked, peer.ip()).await?))
}
