//! What a single call may take: so many bytes, so long.

use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use keystead::{Error, Kind};

use super::error::Refusal;

/// How long any call may take. Clients give up after 30 s, so the answer that it took too long comes just before.
pub(crate) const PATIENCE: Duration = Duration::from_secs(29);

/// What a single call may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The largest body.
    pub(crate) body_bytes: usize,
    /// The time until the answer.
    pub(crate) patience: Duration,
}

/// Keeps a call within its limits.
///
/// A body that announces its size is refused before it is read: whoever waits for `100 Continue` then sends nothing.
pub(crate) async fn keep(limits: Limits, request: Request, next: Next) -> Response {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(bytes);
    if announced.is_some_and(|bytes| bytes > limits.body_bytes as u64) {
        return Refusal::from(too_large()).into_response();
    }
    let answer = tokio::time::timeout(limits.patience, next.run(request)).await;
    answer.unwrap_or_else(|_| Refusal::from(too_late()).into_response())
}

/// A body is larger than this node takes.
pub(crate) fn too_large() -> Error {
    Error::new(Kind::TooLarge, "the body is larger than this node takes")
        .with_hint("the limit is rest.max_body_bytes in the node's configuration")
}

fn too_late() -> Error {
    Error::unavailable("the call took longer than clients wait")
        .with_hint("what it was to do may yet happen: look before trying again")
}

fn bytes(length: &HeaderValue) -> Option<u64> {
    length.to_str().ok()?.parse().ok()
}
