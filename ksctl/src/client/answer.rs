//! What came back, or why nothing did.
//!
//! This file decides how an answer of the appliance, or the lack of one, reads to the user. Decisions look at the status
//! and at error types, never at texts.

use std::error::Error as StdError;

use keystead::api::error::ErrorBody;
use reqwest::StatusCode;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::failure::Failure;

/// How much of an answer that is not ours is shown.
const EXCERPT_CHARS: usize = 200;

/// A good answer: the JSON text as it was sent, so that fields this version does not know are shown too.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    text: String,
}

impl Answer {
    /// The JSON text; empty when the appliance had nothing to say.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The answer as a wire type.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.text)
            .map_err(|cause| Failure::internal(format!("the answer of the appliance makes no sense: {cause}")))
    }
}

/// Sorts what came back into a good answer and a refusal.
pub(super) fn read(status: StatusCode, text: String, place: &str) -> Result<Answer, Failure> {
    if status.is_redirection() {
        return Err(
            Failure::answered(status.as_u16(), format!("{place} answered with a redirect ({status})"))
                .with_hint("redirects are not followed; is the URL that of an appliance?"),
        );
    }
    if !status.is_success() {
        return Err(refusal(status, &text));
    }
    if !text.is_empty() && serde_json::from_str::<IgnoredAny>(&text).is_err() {
        return Err(Failure::internal(format!(
            "{place} answered with something that is not JSON: {}",
            excerpt(&text)
        ))
        .with_hint("is the URL that of an appliance?"));
    }
    Ok(Answer { text })
}

fn refusal(status: StatusCode, text: &str) -> Failure {
    let Ok(body) = serde_json::from_str::<ErrorBody>(text) else {
        let said = if text.trim().is_empty() {
            String::new()
        } else {
            format!(": {}", excerpt(text))
        };
        return Failure::answered(
            status.as_u16(),
            format!("the appliance refused with status {status}{said}"),
        );
    };
    let written = match (body.id, body.row_version) {
        (Some(id), Some(version)) => format!(" (id {id}, version {version})"),
        _ => String::new(),
    };
    let failure = Failure::answered(status.as_u16(), body.code_desc + &written);
    match body.hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(EXCERPT_CHARS).collect()
}

/// Why a request got no answer.
pub(super) fn unanswered(error: &reqwest::Error, place: &str, timeout_seconds: u64) -> Failure {
    if let Some(tls) = untrusted(error) {
        return Failure::unreachable(format!("the certificate of {place} is not trusted: {tls}"))
            .with_hint("give the CA that signed it with --cacert FILE, or skip the check with --nosslverify");
    }
    if error.is_timeout() {
        return Failure::unreachable(format!("no answer from {place} within {timeout_seconds} s"))
            .with_hint("--timeout SECONDS waits longer");
    }
    if error.is_connect() {
        return Failure::unreachable(format!("cannot reach {place}: {}", root(error))).with_hint(
            if place.contains(" by the proxy ") {
                "are the URL and the proxy right? NO_PROXY names hosts that are reached without a proxy"
            } else {
                "is the appliance running, and is the URL right?"
            },
        );
    }
    Failure::unreachable(format!("the connection to {place} broke: {}", root(error)))
}

/// The complaint about the certificate, if that is what the error is about.
fn untrusted(error: &reqwest::Error) -> Option<&rustls::CertificateError> {
    let mut next = error.source();
    while let Some(cause) = next {
        // An `io::Error` hides what it wraps from `source()`.
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = inner
            .and_then(|inner| inner.downcast_ref())
            .or_else(|| cause.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::InvalidCertificate(complaint)) = tls {
            return Some(complaint);
        }
        next = inner
            .map(|inner| inner as &(dyn StdError + 'static))
            .or_else(|| cause.source());
    }
    None
}

/// The innermost cause: what the operating system said.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn StdError = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, text: &str) -> Result<Answer, Failure> {
        read(
            StatusCode::from_u16(status).unwrap(),
            text.to_owned(),
            "https://node-1/",
        )
    }

    #[test]
    fn a_refusal_reads_as_the_appliance_worded_it() {
        let body = r#"{"code":16,"codeDesc":"NCERRResourceNotFound: Resource not found: the key","hint":"look again"}"#;
        let failure = answered(404, body).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "NCERRResourceNotFound: Resource not found: the key"
        );
        assert_eq!(failure.hint(), Some("look again"));
    }

    #[test]
    fn what_was_written_and_not_confirmed_is_shown_with_its_id() {
        let body = r#"{"code":505,"codeDesc":"NCERRNotConfirmed: written","id":"00ff","rowVersion":7}"#;
        assert_eq!(
            answered(503, body).unwrap_err().to_string(),
            "NCERRNotConfirmed: written (id 00ff, version 7)"
        );
    }

    #[test]
    fn a_refusal_by_something_else_shows_its_status_and_its_words() {
        let failure = answered(502, "<html>\n bad   gateway</html>").unwrap_err();
        assert_eq!(
            failure.to_string(),
            "the appliance refused with status 502 Bad Gateway: <html> bad gateway</html>"
        );
        assert_eq!(
            answered(403, "").unwrap_err().to_string(),
            "the appliance refused with status 403 Forbidden"
        );
    }

    #[test]
    fn a_page_that_is_not_json_is_not_taken_for_an_answer() {
        assert!(answered(200, "<html>welcome</html>").is_err());
        assert!(answered(200, "{}").is_ok());
        assert!(answered(204, "").is_ok());
    }

    #[test]
    fn a_redirect_is_told_and_not_followed() {
        assert!(
            answered(302, "")
                .unwrap_err()
                .to_string()
                .contains("redirect (302 Found)")
        );
    }
}
