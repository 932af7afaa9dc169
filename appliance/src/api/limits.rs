//! What a single call may take: so many bytes, so long.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use keystead::{Error, Kind};

use super::backups;
use super::error::Refusal;

/// How long any call may take. Clients give up after 30 s, so the answer that it took too long comes just before.
pub(crate) const PATIENCE: Duration = Duration::from_secs(29);

/// The largest body that is read only to be dropped: 16 MiB. Whoever sends more may miss the answer.
const DROPPED_BYTES: u64 = 16 << 20;

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
/// A body that announces its size is refused before it is taken in. The upload of a backup takes as long and as much as the
/// backup is large; how much fits is looked at while it comes.
pub(crate) async fn keep(limits: Limits, request: Request, next: Next) -> Response {
    if backups::is_upload(&request) {
        return next.run(request).await;
    }
    let announced = announced(request.headers()).unwrap_or_default();
    if announced > limits.body_bytes as u64 {
        if announced <= DROPPED_BYTES && !waits_for_leave(request.headers()) {
            // One that sends too slowly is answered all the same.
            let _sent = tokio::time::timeout(limits.patience, drop_body(request.into_body())).await;
        }
        return Refusal::from(too_large()).into_response();
    }
    let answer = tokio::time::timeout(limits.patience, next.run(request)).await;
    answer.unwrap_or_else(|_| Refusal::from(too_late()).into_response())
}

/// Reads a body to its end. A connection that is closed with bytes unread is reset, and the answer with it.
async fn drop_body(body: Body) {
    let mut pieces = body.into_data_stream();
    while pieces.next().await.is_some_and(|piece| piece.is_ok()) {}
}

/// A client that waits for `100 Continue` sends no body when it is answered before.
fn waits_for_leave(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
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

fn announced(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH).map(HeaderValue::to_str)?;
    length.ok()?.parse().ok()
}
