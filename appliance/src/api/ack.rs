//! The header `X-Keystead-Ack`: what a request asks for, and what an answer says was given.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponseParts, ResponseParts};
use keystead::replication::ack::{Ack, HEADER};
use keystead::{Error, Result};

use super::error::Refusal;

/// What a request asks for; `None` when it leaves it to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked(pub(crate) Option<Ack>);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        Ok(read(parts)?)
    }
}

fn read(parts: &Parts) -> Result<Asked> {
    let mut values = parts.headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(Asked(None));
    };
    let named = |wrong: &dyn std::fmt::Display| Error::invalid_param(format!("the header X-Keystead-Ack: {wrong}"));
    if values.next().is_some() {
        return Err(named(&"it is there more than once"));
    }
    let text = value.to_str().map_err(|_| named(&"it is not plain text"))?;
    text.trim()
        .parse()
        .map(|ack| Asked(Some(ack)))
        .map_err(|wrong: Error| named(&wrong))
}

/// What was given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given(pub(crate) Ack);

impl IntoResponseParts for Given {
    type Error = Refusal;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Refusal> {
        // All of its letters are plain.
        if let Ok(value) = self.0.to_string().parse() {
            parts.headers_mut().insert(HEADER, value);
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use keystead::Kind;

    use super::*;

    fn asked(value: &[u8]) -> Result<Asked> {
        let request = Request::post("/").header("X-Keystead-Ack", value);
        read(&request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn a_request_asks_for_what_its_header_says() {
        assert_eq!(asked(b"local").unwrap(), Asked(Some(Ack::Local)));
        assert_eq!(asked(b" any-2 ").unwrap(), Asked(Some(Ack::Any(2))));
    }

    #[test]
    fn two_headers_are_refused_whatever_they_say() {
        let request = Request::post("/")
            .header("X-Keystead-Ack", "any-1")
            .header("x-keystead-ack", "local");
        let refused = read(&request.body(()).expect("a request").into_parts().0).unwrap_err();
        assert_eq!(refused.kind(), Kind::InvalidParam);
    }

    #[test]
    fn a_header_that_is_not_understood_is_refused_by_its_name_and_never_taken_for_the_default() {
        for wrong in [&b"any"[..], b"", b"all", b"any-0", b"\xff"] {
            let refused = asked(wrong).unwrap_err();
            assert_eq!(refused.kind(), Kind::InvalidParam);
            assert!(refused.to_string().contains("X-Keystead-Ack"), "{refused}");
        }
    }
}
