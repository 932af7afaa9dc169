//! Looks at the address of every request before it is routed: none with a NUL in its path or its query comes further.
//!
//! Bodies are looked at where they are read (`json.rs`), by the same rule. A NUL in a header is refused by the HTTP library.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use keystead::text::{escape, nul};
use keystead::{Error, Result};

use super::error::Refusal;

/// Refuses a request whose address has a NUL.
pub(crate) async fn look(request: Request, next: Next) -> Response {
    match checked(request.uri().path(), request.uri().query()) {
        Ok(()) => next.run(request).await,
        Err(refused) => Refusal::from(refused).into_response(),
    }
}

fn checked(path: &str, query: Option<&str>) -> Result<()> {
    if nul::in_path(path) {
        return Err(has_nul("the path"));
    }
    match query.and_then(nul::in_query) {
        Some(parameter) => Err(has_nul(&format!("the parameter {parameter:.40}"))),
        None => Ok(()),
    }
}

/// What is refused where a NUL stands in `field`.
pub(crate) fn has_nul(field: &str) -> Error {
    Error::invalid_param(format!("{:.200} has a NUL", escape::line(field)))
        .with_hint("no text here may hold the character U+0000")
}
