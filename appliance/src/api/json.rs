//! JSON in and out. What comes in is taken whatever its content type says, and an empty body or `null` means `{}`:
//! clients send all of these.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use keystead::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroize as _;

use super::error::Refusal;
use super::limits::too_large;

/// A body in JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body = Bytes::from_request(request, state).await.map_err(unread)?;
        let parsed = parse(&body);
        wipe(body);
        Ok(Self(parsed?))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let body = match body.trim_ascii() {
        b"" | b"null" => b"{}",
        given => given,
    };
    serde_json::from_slice(body)
        .map_err(|wrong| Error::bad_request(format!("the body is not what this call takes: {wrong}")))
}

/// Passwords and material were in it. A body that shares its memory with the connection's buffer is wiped by the allocator
/// when both are dropped.
fn wipe(body: Bytes) {
    if let Ok(mut own) = body.try_into_mut() {
        own.as_mut().zeroize();
    }
}

fn unread(rejection: BytesRejection) -> Error {
    match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => too_large(),
        other => Error::bad_request("the body could not be read").caused_by(other),
    }
}

#[cfg(test)]
mod tests {
    use keystead::api::auth::{ChangePasswordRequest, TokenRequest};
    use keystead::api::key::NewKeyRequest;

    use super::*;

    #[test]
    fn no_body_and_null_mean_that_nothing_was_given() {
        for body in ["", " \r\n", "null", " null\n", "{}"] {
            parse::<NewKeyRequest>(body.as_bytes()).unwrap();
        }
    }

    #[test]
    fn fields_nobody_knows_are_passed_over() {
        let body = br#"{"id":"","meta":null,"name":"MET","password":"p","auth_domain":""}"#;
        assert_eq!(parse::<TokenRequest>(body).unwrap().username.as_deref(), Some("MET"));
    }

    #[test]
    fn what_is_no_json_or_lacks_a_field_is_refused_with_the_place() {
        let text = |body: &[u8]| parse::<ChangePasswordRequest>(body).unwrap_err().to_string();
        assert!(text(b"{\"username\"").contains("line 1"));
        assert!(text(b"{}").contains("username"));
        assert!(text(b"\xff\xfe").contains("line 1"));
        assert!(text("[".repeat(100_000).as_bytes()).contains("recursion limit") || text(b"[[").contains("line 1"));
    }
}
