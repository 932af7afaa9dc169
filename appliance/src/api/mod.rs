//! The door for users: routes, one file per resource, and what all of them have in common.
//!
//! A request passes, in this order: `path.rs` (its plain path), `request_id.rs` (its name and its log line), the catching
//! of panics, `limits.rs` (how long, how large), `input.rs` (no NUL in its address), routing, `auth.rs` (who may), `json.rs`
//! and `query.rs` (what was sent), and the handler. An error becomes an answer in `error.rs` alone. Handlers decide nothing: they call `account`, `keys`,
//! `cluster` and `join`.
//!
//! A route and its description are registered at once, so `docs/api/openapi.json` cannot lack one; a test compares.

mod ack;
mod admission;
mod alarms;
mod auth;
mod backup_keys;
mod backups;
mod certificates;
mod cluster;
mod document;
mod error;
mod input;
mod json;
mod keys;
mod limits;
mod metrics;
mod nodes;
mod page;
mod path;
mod query;
mod request_id;
mod serve;
mod standing;
mod syslogs;
mod system;
mod tls;
mod tokens;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use keystead::Error;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use self::error::Refusal;
use self::limits::Limits;
pub(crate) use self::serve::Door;
pub(crate) use self::tls::host_name;
use crate::agent::Agent;

/// The version of the row, where the answer has no body to say it in.
const ROW_VERSION: HeaderName = HeaderName::from_static("row-version");

/// The document that describes the API, as `keysteadd openapi` prints it and `docs/api/openapi.json` keeps it.
pub(crate) fn openapi_json() -> keystead::Result<String> {
    document::written(described().into_openapi())
}

fn described() -> OpenApiRouter<Arc<Agent>> {
    let under_base = OpenApiRouter::new()
        .merge(tokens::routes())
        .merge(cluster::routes())
        .merge(certificates::routes())
        .merge(nodes::routes())
        .merge(keys::routes())
        .merge(alarms::routes())
        .merge(syslogs::routes())
        .merge(metrics::routes())
        .merge(backups::routes())
        .merge(backup_keys::routes())
        .merge(system::routes());
    OpenApiRouter::with_openapi(document::frame())
        .nest(path::BASE, under_base)
        .merge(system::health_route())
}

/// All routes, on `agent`.
fn router(agent: Arc<Agent>) -> Router {
    let limits = Limits {
        body_bytes: agent.config.rest.max_body_bytes,
        patience: limits::PATIENCE,
    };
    let (routes, document) = described().split_for_parts();
    let document = document::written(document).unwrap_or_default();
    let openapi = get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) });
    let routes = routes
        .route("/openapi.json", openapi.clone())
        .route(&format!("{}/openapi.json", path::BASE), openapi)
        .route(&format!("{}/healthz", path::BASE), get(system::health))
        .with_state(agent);
    dressed(routes, limits)
}

/// What all routes have in common.
fn dressed(routes: Router, limits: Limits) -> Router {
    routes
        .fallback(async || Refusal::no_such_path())
        .method_not_allowed_fallback(other_method)
        .layer(middleware::from_fn(input::look))
        .layer(DefaultBodyLimit::max(limits.body_bytes))
        .layer(middleware::from_fn(move |request, next| {
            limits::keep(limits, request, next)
        }))
        .layer(CatchPanicLayer::custom(|cause: Box<dyn Any + Send>| panicked(&*cause)))
        .layer(middleware::from_fn(request_id::follow))
}

/// Axum adds the methods that the path takes.
async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Refusal::method_not_allowed().into_response()
    }
}

fn panicked(cause: &(dyn Any + Send)) -> Response {
    let text = cause.downcast_ref::<&str>().copied();
    let text = text
        .or_else(|| cause.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    Refusal::from(Error::internal("panicked", std::io::Error::other(text.to_owned()))).into_response()
}

#[cfg(test)]
mod tests;
