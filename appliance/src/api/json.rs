//! JSON in and out. What comes in is taken whatever its content type says; a body is an object, and no text in it has a NUL.
//!
//! Calls that only do something take a body that is empty or `null` for `{}`, because clients send all of these
//! ([`OptionalJson`], [`NoFields`]). Where a body says what is to be made or changed, one that says nothing is refused
//! ([`Json`]). Fields that nobody knows are passed over everywhere. What a field may be is decided in `src`.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use keystead::text::nul;
use keystead::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use super::error::Refusal;
use super::input;
use super::limits::too_large;

/// A body in JSON.
pub(crate) struct Json<T>(pub(crate) T);

/// A body in JSON that may be left out.
pub(crate) struct OptionalJson<T>(pub(crate) T);

/// The body of a call that needs to be told nothing, and is sent something all the same.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

/// Looks at the body of a call that takes none.
pub(crate) type NoFields = OptionalJson<Nothing>;

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        read(request, state, parse).await.map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        read(request, state, parse_optional).await.map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

async fn read<T, S: Send + Sync>(request: Request, state: &S, parse: fn(&[u8]) -> Result<T>) -> Result<T, Refusal> {
    let body = Bytes::from_request(request, state).await.map_err(unread)?;
    let parsed = parse(&body);
    wipe(body);
    Ok(parsed?)
}

fn parse_optional<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    match body.trim_ascii() {
        b"" | b"null" => parse(b"{}"),
        given => parse(given),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    if let Some(field) = nul::in_json(body) {
        return Err(input::has_nul(&field));
    }
    // The reader would take a list for an object, its values in the order of the fields.
    match body.trim_ascii() {
        [b'{', ..] => {}
        b"" => return Err(no_object("the body is empty")),
        _ => return Err(no_object("the body is no JSON object")),
    }
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

fn no_object(what: &str) -> Error {
    Error::bad_request(what).with_hint("this call takes a JSON object: docs/api/openapi.json has its fields")
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
    use keystead::api::key::{NewKeyRequest, NewVersionRequest};

    use super::*;

    #[test]
    fn where_nothing_needs_to_be_said_no_body_and_null_mean_that_nothing_was() {
        for body in ["", " \r\n", "null", " null\n", "{}", r#"{"id":"","enabled":true}"#] {
            parse_optional::<NewVersionRequest>(body.as_bytes()).unwrap();
            parse_optional::<Nothing>(body.as_bytes()).unwrap();
        }
    }

    #[test]
    fn where_something_is_to_be_said_a_body_that_says_nothing_is_refused() {
        for body in ["", " \r\n", "null"] {
            let refused = parse::<NewKeyRequest>(body.as_bytes()).err().unwrap();
            assert_eq!(refused.kind(), keystead::Kind::BadRequest, "{body:?}");
        }
        parse::<NewKeyRequest>(b"{}").unwrap();
    }

    #[test]
    fn what_is_no_object_is_refused_everywhere() {
        for body in ["[]", "[\"n\"]", "1", "\"x\"", "true", "nul", "\u{feff}{}", "{} {}", "{"] {
            assert!(parse::<NewKeyRequest>(body.as_bytes()).is_err(), "{body:?}");
            assert!(parse_optional::<Nothing>(body.as_bytes()).is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_nul_is_refused_with_its_field_also_in_a_field_that_nobody_knows() {
        for (body, field) in [
            (r#"{"name":"a\u0000"}"#, "name"),
            (r#"{"labels":{"x":"\u0000"}}"#, "labels.x"),
        ] {
            let refused = parse::<NewKeyRequest>(body.as_bytes()).err().unwrap();
            assert!(refused.to_string().starts_with(&format!("{field} ")), "{refused}");
            assert!(parse_optional::<Nothing>(body.as_bytes()).is_err());
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
        assert!(text(b"{\xff\xfe").contains("line 1"));
        // As deep as a body can be, and cut off.
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert!(text(deep.as_bytes()).contains("line 1"));
    }
}
