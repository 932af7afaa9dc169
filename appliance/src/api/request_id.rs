//! Every request has an id: in the log, in the answer's header and in the body of an error, so that a user's complaint
//! finds its lines.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;
use tracing::{Instrument as _, field};
use uuid::Uuid;

/// The header the id is answered in.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being answered, if one is.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(String::clone).ok()
}

/// Names a request, and writes down how it ended. Queries and bodies are not logged: they may hold secrets.
pub(crate) async fn follow(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = Uuid::new_v4().simple().to_string();
    let (method, path) = (request.method(), request.uri().path());
    let span = tracing::info_span!("request", id, %method, path, account = field::Empty);
    let answer = CURRENT.scope(id.clone(), next.run(request));
    let mut response = async {
        let response = answer.await;
        tracing::debug!(status = response.status().as_u16(), took = ?began.elapsed(), "answered");
        response
    }
    .instrument(span)
    .await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(HEADER, id);
    }
    // Answers hold tokens and states that are old in a second; nobody on the way may keep or guess about them.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
