//! JSON in and out. What comes in is taken whatever its content type says; a body is an object, and no text in it has a NUL.
//!
//! Calls that only do something take a body that is empty or `null` for `{}`, because clients send all of these
//! ([`OptionalJson`], [`NoFields`]). Where a body says what is to be made or changed, one that says nothing is refused
//! ([`Json`]). Fields that nobody knows are passed over everywhere; those that
//! clients know and this product does not have are refused. What a field may be is decided in `src`.

use std::borrow::Cow;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use keystead::api::body::{Body, must_be_built, not_built};
use keystead::text::nul;
use keystead::{Error, Result};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use super::error::Refusal;
use super::input;
use super::limits::too_large;

/// A body in JSON.
pub(crate) struct Json<T>(pub(crate) T);

/// A body in JSON, or with the content type of a form in that: some clients log in so.
pub(crate) struct JsonOrForm<T>(pub(crate) T);

/// A body in JSON that may be left out.
pub(crate) struct OptionalJson<T>(pub(crate) T);

/// The body of a call that needs to be told nothing, and is sent something all the same.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

impl Body for Nothing {}

/// Looks at the body of a call that takes none.
pub(crate) type NoFields = OptionalJson<Nothing>;

impl<T: Body, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        read(request, state, parse).await.map(Self)
    }
}

impl<T: Body, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        read(request, state, parse_optional).await.map(Self)
    }
}

impl<T: Body, S: Send + Sync> FromRequest<S> for JsonOrForm<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let parse = if is_form(request.headers()) { parse_form } else { parse };
        read(request, state, parse).await.map(Self)
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

fn parse_optional<T: Body>(body: &[u8]) -> Result<T> {
    match body.trim_ascii() {
        b"" | b"null" => parse(b"{}"),
        given => parse(given),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let name = given.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    name.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// As JSON has it: what is not built is not taken here either.
fn parse_form<T: Body>(body: &[u8]) -> Result<T> {
    let wrong = |wrong| Error::bad_request(format!("the body is not the form that this call takes: {wrong}"));
    let fields: Vec<(Cow<'_, str>, Cow<'_, str>)> = serde_urlencoded::from_bytes(body).map_err(wrong)?;
    if let Some((field, _)) = fields
        .iter()
        .find(|(name, value)| name.contains('\0') || value.contains('\0'))
    {
        return Err(input::has_nul(field));
    }
    let is_given = |field: &&&str| fields.iter().any(|(name, value)| name == **field && !value.is_empty());
    if let Some(field) = T::NOT_BUILT.iter().find(is_given) {
        return Err(not_built(field));
    }
    serde_urlencoded::from_bytes(body).map_err(wrong)
}

fn parse<T: Body>(body: &[u8]) -> Result<T> {
    if let Some(field) = nul::in_json(body) {
        return Err(input::has_nul(&field));
    }
    // The reader would take a list for an object, its values in the order of the fields.
    match body.trim_ascii() {
        [b'{', ..] => {}
        b"" => return Err(no_object("the body is empty")),
        _ => return Err(no_object("the body is no JSON object")),
    }
    let read = serde_json::from_slice(body)
        .map_err(|wrong| Error::bad_request(format!("the body is not what this call takes: {wrong}")))?;
    must_be_built(body, T::NOT_BUILT)?;
    Ok(read)
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
    use keystead::Kind;
    use keystead::api::auth::{ChangePasswordRequest, TokenRequest};
    use keystead::api::key::{NewKeyRequest, NewVersionRequest, PatchKeyRequest};

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
            assert_eq!(refused.kind(), Kind::BadRequest, "{body:?}");
        }
        parse::<NewKeyRequest>(b"{}").unwrap();
    }

    #[test]
    fn a_form_is_read_as_json_is() {
        let form = |body: &str| parse_form::<TokenRequest>(body.as_bytes());
        let asked =
            form("grant_type=password&name=MET&password=a%26b+c%3D%C3%A9&renew_refresh_token=true&x=1").unwrap();
        assert_eq!(asked.username.as_deref(), Some("MET"));
        assert_eq!(asked.password.unwrap().expose(), "a&b c=\u{e9}");
        assert!(asked.renew_refresh_token && asked.domain.is_none());
        for (body, kind) in [
            ("username=a%00b", Kind::InvalidParam),
            ("username=a&username=b", Kind::BadRequest),
            ("renew_refresh_token=perhaps", Kind::BadRequest),
        ] {
            assert_eq!(form(body).unwrap_err().kind(), kind, "{body}");
        }
        let headers = |value: &str| HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
        assert!(is_form(&headers("Application/X-WWW-Form-Urlencoded; charset=utf-8")));
        assert!(!is_form(&headers("application/json")) && !is_form(&HeaderMap::new()));
        let not_built = parse_form::<PatchKeyRequest>(b"labels=a").unwrap_err();
        assert_eq!(not_built.kind(), Kind::NotBuilt);
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
