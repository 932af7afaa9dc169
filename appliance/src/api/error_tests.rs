//! What clients get for each kind of error. Next: `error.rs`, which this proves.

use axum::body::to_bytes;

use super::*;

async fn shown(refusal: impl Into<Refusal>) -> (u16, serde_json::Value) {
    let response = refusal.into().into_response();
    let status = response.status().as_u16();
    let content_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap_or_default();
    assert!(content_type.starts_with("application/json"), "{content_type}");
    let bytes = to_bytes(response.into_body(), 10_000).await.unwrap_or_default();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn every_kind_has_its_status_code_and_name() {
    let table = [
        (Kind::BadRequest, 400, 15, "NCERRBadRequest: why"),
        (Kind::InvalidParam, 400, 9, "NCERRInvalidParamValue: why"),
        (Kind::Unauthorized, 401, 5, "NCERRUnauthorizedAccess: why"),
        (Kind::Forbidden, 403, 6, "NCERRForbidden: why"),
        (Kind::NotFound, 404, 16, "NCERRResourceNotFound: why"),
        (Kind::Conflict, 409, 17, "NCERRConflict: why"),
        (Kind::KeyExists, 409, 57, "NCERRKeyAlreadyExists: why"),
        (Kind::TooLarge, 413, 413, "NCERRRequestTooLarge: why"),
        (Kind::TooManyRequests, 429, 429, "NCERRTooManyRequests: why"),
        (Kind::Unavailable, 503, 503, "NCERRServiceUnavailable: why"),
        (Kind::DiskFull, 507, 507, "NCERRInsufficientStorage: why"),
        (Kind::Unconfirmed, 503, 505, "NCERRNotConfirmed: why"),
        (Kind::ConsensusDown, 503, 504, "NCERRConsensusDown: why"),
        (Kind::NotBuilt, 501, 501, "NCERRNotImplemented: why"),
        (Kind::Internal, 500, 14, "NCERRInternalServerError: unexpected error"),
    ];
    for (kind, status, code, text) in table {
        let (answered, body) = shown(Error::new(kind, "why").with_hint("do")).await;
        assert_eq!(
            (answered, &body["code"], &body["codeDesc"]),
            (status, &code.into(), &text.into())
        );
        assert_eq!(body["hint"].is_null(), kind == Kind::Internal, "{body}");
    }
}

#[test]
fn whoever_is_to_wait_is_told_how_long() {
    let wait = std::time::Duration::from_millis(1500);
    let response = Refusal::from(Error::too_many_requests("why", wait)).into_response();
    assert_eq!(response.headers()[header::RETRY_AFTER], "2");
}

#[tokio::test]
async fn the_cause_of_an_error_never_reaches_a_client() {
    let cause = || std::io::Error::other("disk sda1 on fire");
    for error in [
        Error::internal("writing", cause()),
        Error::unavailable("busy").caused_by(cause()),
        Error::new(Kind::Internal, "/var/lib/keystead/secret.key is on fire").with_hint("sda1"),
    ] {
        let (_, body) = shown(error).await;
        let text = body.to_string();
        assert!(!text.contains("sda1") && !text.contains("/var"), "{text}");
    }
}

#[tokio::test]
async fn a_path_that_is_not_there_answers_with_the_text_clients_compare() {
    let (status, body) = shown(Refusal::no_such_path()).await;
    assert_eq!(status, 404);
    assert_eq!(
        body,
        serde_json::json!({"code": 16, "codeDesc": "NCERRResourceNotFound: Resource not found"})
    );
}

#[tokio::test]
async fn what_was_written_and_not_confirmed_is_named_and_not_to_be_done_again() {
    let written = keystead::replication::ack::Written {
        id: "k".to_owned(),
        row_version: 7,
    };
    let refusal = || Refusal::from(Error::new(Kind::Unconfirmed, "why").about(written.clone()));
    let (status, body) = shown(refusal()).await;
    assert_eq!(
        (status, &body["id"], &body["rowVersion"]),
        (503, &"k".into(), &7.into())
    );
    let headers = refusal().into_response().headers().clone();
    assert!(!headers.contains_key(header::RETRY_AFTER), "{headers:?}");
}

#[tokio::test]
async fn a_refusal_to_change_members_carries_the_words_clients_look_for() {
    let (_, body) = shown(Error::consensus_down("2 of 5 members answer")).await;
    assert!(body["codeDesc"].to_string().contains("consensus is down"));
}
