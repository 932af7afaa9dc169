//! What a refusal looks like on the wire: the one place that turns a kind into status, code and name.
//!
//! Sources: the codes of current clients and servers (5, 9, 14, 15, 16 are theirs; the others are ours, because no client
//! reads them). The text of a fault of ours stays in the log, under the id that the client gets instead.

use std::collections::BTreeMap;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keystead::api::error::ErrorBody;
use keystead::{Error, Kind};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder, schema};

use super::json::Json;
use super::request_id;

/// How a class of errors is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Class {
    status: StatusCode,
    code: i32,
    name: &'static str,
}

const METHOD_NOT_ALLOWED: Class = class(StatusCode::METHOD_NOT_ALLOWED, 405, "NCERRMethodNotAllowed");

const fn class(status: StatusCode, code: i32, name: &'static str) -> Class {
    Class { status, code, name }
}

fn class_of(kind: Kind) -> Class {
    match kind {
        Kind::BadRequest => class(StatusCode::BAD_REQUEST, 15, "NCERRBadRequest"),
        Kind::InvalidParam => class(StatusCode::BAD_REQUEST, 9, "NCERRInvalidParamValue"),
        Kind::Unauthorized => class(StatusCode::UNAUTHORIZED, 5, "NCERRUnauthorizedAccess"),
        Kind::Forbidden => class(StatusCode::FORBIDDEN, 6, "NCERRForbidden"),
        Kind::NotFound => class(StatusCode::NOT_FOUND, 16, "NCERRResourceNotFound"),
        Kind::Conflict => class(StatusCode::CONFLICT, 17, "NCERRConflict"),
        Kind::KeyExists => class(StatusCode::CONFLICT, 57, "NCERRKeyAlreadyExists"),
        Kind::TooLarge => class(StatusCode::PAYLOAD_TOO_LARGE, 413, "NCERRRequestTooLarge"),
        Kind::TooManyRequests => class(StatusCode::TOO_MANY_REQUESTS, 429, "NCERRTooManyRequests"),
        Kind::Unavailable => class(StatusCode::SERVICE_UNAVAILABLE, 503, "NCERRServiceUnavailable"),
        Kind::DiskFull => class(StatusCode::INSUFFICIENT_STORAGE, 507, "NCERRInsufficientStorage"),
        Kind::Unconfirmed => class(StatusCode::SERVICE_UNAVAILABLE, 505, "NCERRNotConfirmed"),
        Kind::ConsensusDown => class(StatusCode::SERVICE_UNAVAILABLE, 504, "NCERRConsensusDown"),
        Kind::NotBuilt => class(StatusCode::NOT_IMPLEMENTED, 501, "NCERRNotImplemented"),
        Kind::Internal => class(StatusCode::INTERNAL_SERVER_ERROR, 14, "NCERRInternalServerError"),
    }
}

/// An error on its way to a client.
#[derive(Debug)]
pub(crate) struct Refusal {
    class: Class,
    error: Error,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let class = class_of(error.kind());
        Self { class, error }
    }
}

impl From<sql::Error> for Refusal {
    fn from(error: sql::Error) -> Self {
        Error::from(error).into()
    }
}

impl Refusal {
    /// The path exists, and not for this method.
    pub(crate) fn method_not_allowed() -> Self {
        Self {
            class: METHOD_NOT_ALLOWED,
            error: Error::bad_request("this path does not take this method"),
        }
    }

    /// Nothing is at this path.
    pub(crate) fn no_such_path() -> Self {
        // Exactly the text that clients compare.
        Error::new(Kind::NotFound, "Resource not found").into()
    }

    fn body(&self, request_id: Option<String>) -> ErrorBody {
        let internal = self.error.kind() == Kind::Internal;
        let text = if internal {
            "unexpected error".to_owned()
        } else {
            self.error.to_string()
        };
        let written = self.error.written();
        ErrorBody {
            code: self.class.code,
            code_desc: format!("{}: {text}", self.class.name),
            hint: self.error.hint().filter(|_| !internal).map(str::to_owned),
            id: written.map(|written| written.id.clone()),
            row_version: written.map(|written| written.row_version),
            request_id,
        }
    }

    fn log(&self) {
        match self.error.kind() {
            Kind::Internal => log_fault(&self.error),
            Kind::Unavailable => log_unavailable(&self.error),
            // Texts of refusals that are the client's doing are not logged: they may repeat what the client sent.
            _ => tracing::debug!(name = self.class.name, "a request was refused"),
        }
    }
}

fn log_fault(error: &Error) {
    tracing::error!(error = error.chain(), "a request failed");
}

fn log_unavailable(error: &Error) {
    tracing::info!(error = error.chain(), "a request could not be answered now");
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.log();
        let mut response = (self.class.status, Json(self.body(request_id::current()))).into_response();
        let headers = response.headers_mut();
        if self.class.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        } else if let Some(seconds) = self.error.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        } else if self.class.status == StatusCode::SERVICE_UNAVAILABLE && self.error.kind() != Kind::Unconfirmed {
            // What it waits for takes seconds: a join, a restart, another change of members.
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// In the OpenAPI document: how a call may be refused, always in one shape. A fault of ours (500) is none of them.
pub(crate) struct Refused;

impl utoipa::IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        told([
            ("4XX", "refused: `codeDesc` says why, `hint` the way out"),
            (
                "503",
                "not now: the node joins, starts, has no database, or others did not confirm a write",
            ),
            ("507", "a call that writes, and there is no room on the node's disk"),
        ])
    }
}

/// In the OpenAPI document: a call some of whose values are understood and not built.
pub(crate) struct NotBuilt;

impl utoipa::IntoResponses for NotBuilt {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        told([("501", "a value of this call is not built: `codeDesc` says which")])
    }
}

fn told<const N: usize>(refusals: [(&str, &str); N]) -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
    let refusal = |(status, why): (&str, &str)| {
        let body = Content::new(Some(RefOr::<schema::Schema>::Ref(Ref::from_schema_name("ErrorBody"))));
        let response = ResponseBuilder::new()
            .description(why)
            .content("application/json", body);
        (status.to_owned(), response.build().into())
    };
    refusals.into_iter().map(refusal).collect()
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
