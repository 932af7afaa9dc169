//! What all routes have in common, on small routers of their own; and the committed description of the real ones.

use super::query::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::routing::{get, post};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::json::Json;
use super::path::PlainPaths;
use super::*;

const LIMIT: usize = 64;

const LIMITS: Limits = Limits {
    body_bytes: LIMIT,
    patience: Duration::from_millis(50),
};

fn small() -> Router {
    let echo = async |Json(body): Json<Value>| Json(body);
    let name = async |Path(name): Path<String>| name;
    let clumsy = async || -> StatusCode { panic!("on purpose, sesame") };
    let routes = Router::new()
        .route("/api/v1/things", post(echo))
        .route("/api/v1/things/{name}", get(name))
        .route("/api/v1/clumsy", get(clumsy))
        .route("/api/v1/slow", get(std::future::pending::<StatusCode>));
    dressed(routes, LIMITS)
}

async fn send(method: &str, uri: &str, body: impl Into<Body>) -> (StatusCode, axum::http::HeaderMap, String) {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .body(body.into())
        .expect("a request");
    let response = PlainPaths(small()).oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 10_000).await.expect("a body");
    (
        parts.status,
        parts.headers,
        String::from_utf8_lossy(&bytes).into_owned(),
    )
}

async fn refused(method: &str, uri: &str, body: impl Into<Body>) -> (u16, Value) {
    let (status, headers, text) = send(method, uri, body).await;
    assert_eq!(headers[header::CONTENT_TYPE], "application/json", "{text}");
    let body: Value = serde_json::from_str(&text).expect("JSON");
    let id = headers["x-request-id"].to_str().expect("an id");
    assert_eq!(body["requestID"], id, "the id in the body is that of the header");
    (status.as_u16(), body)
}

#[tokio::test]
async fn a_slash_too_many_reaches_the_same_route_with_its_body() {
    for uri in ["/api/v1/things", "/api/v1/things/", "/api//v1//things"] {
        let (status, _, text) = send("POST", uri, r#"{"a":1}"#).await;
        assert_eq!((status, text.as_str()), (StatusCode::OK, r#"{"a":1}"#), "{uri}");
    }
}

#[tokio::test]
async fn a_name_with_a_bar_arrives_raw_or_encoded() {
    for uri in ["/api/v1/things/local|ab", "/api/v1/things/local%7Cab/"] {
        assert_eq!(send("GET", uri, "").await.2, "local|ab");
    }
}

#[tokio::test]
async fn what_is_not_there_answers_404_in_json() {
    // What stands before the base counts: a proxy in front decides by the whole path.
    let beside = ["/public/api/v1/things", "/https://10.0.0.1/api/v1/things"];
    for uri in ["/", "/api/v1", "/api/v1/nothing", "/favicon.ico"]
        .into_iter()
        .chain(beside)
    {
        let (status, body) = refused("GET", uri, "").await;
        assert_eq!((status, &body["code"]), (404, &json!(16)));
        assert_eq!(body["codeDesc"], "NCERRResourceNotFound: Resource not found");
    }
}

#[tokio::test]
async fn a_nul_in_an_address_is_refused_whatever_the_address_leads_to() {
    for (method, uri, field) in [
        ("GET", "/api/v1/things/a%00b", "the path"),
        ("GET", "/nowhere%00", "the path"),
        ("POST", "/api/v1/things?skip=1&name=%00", "the parameter name"),
        ("DELETE", "/api/v1/slow?%00=1", "the parameter %00"),
    ] {
        let (status, body) = refused(method, uri, "").await;
        let expected = format!("NCERRInvalidParamValue: {field} has a NUL");
        assert_eq!(
            (status, body["codeDesc"].as_str()),
            (400, Some(expected.as_str())),
            "{uri}"
        );
    }
    assert_eq!(
        send("GET", "/api/v1/things/a%2500b", "").await.2,
        "a%00b",
        "what is none is none"
    );
}

#[tokio::test]
async fn another_method_answers_405_in_json_and_says_which_there_are() {
    let (status, body) = refused("DELETE", "/api/v1/things/", "").await;
    assert_eq!(status, 405);
    assert!(body["codeDesc"].to_string().contains("NCERRMethodNotAllowed"));
    assert_eq!(send("DELETE", "/api/v1/things", "").await.1[header::ALLOW], "POST");
}

#[tokio::test]
async fn head_and_options_are_answered() {
    assert_eq!(send("HEAD", "/api/v1/things/a", "").await.0, StatusCode::OK);
    let (status, headers, _) = send("OPTIONS", "/api/v1/things", "").await;
    assert_eq!(
        (status, headers[header::ALLOW].to_str().unwrap()),
        (StatusCode::NO_CONTENT, "POST")
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_or_no_json_is_refused_in_json() {
    assert_eq!(
        refused("POST", "/api/v1/things", format!("\"{}\"", "x".repeat(LIMIT)))
            .await
            .0,
        413
    );
    // Without a length that is announced, it shows while reading.
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("[".repeat(LIMIT)), Ok("]".to_owned())]);
    assert_eq!(
        refused("POST", "/api/v1/things", Body::from_stream(chunks)).await.0,
        413
    );
    assert_eq!(refused("POST", "/api/v1/things", "{").await.0, 400);
    assert_eq!(refused("GET", "/api/v1/things/%ff", "").await.0, 400);
}

/// Sends a body that announces so many bytes and, when asked for, comes in two pieces. The answer, and how many pieces
/// were taken.
async fn announce(bytes: usize, expect: Option<&str>) -> (StatusCode, usize) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let piece = move |piece: &'static str| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(piece)
    };
    let body = futures_util::stream::iter(["[", "]"]).map(piece);
    let mut request = Request::post("/api/v1/things").header(header::CONTENT_LENGTH, bytes);
    if let Some(expect) = expect {
        request = request.header(header::EXPECT, expect);
    }
    let request = request.body(Body::from_stream(body)).expect("a request");
    let response = PlainPaths(small()).oneshot(request).await.expect("an answer");
    (response.status(), taken.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_read_to_its_end_so_that_its_sender_gets_the_answer() {
    assert_eq!(announce(LIMIT + 1, None).await, (StatusCode::PAYLOAD_TOO_LARGE, 2));
}

#[tokio::test]
async fn a_body_whose_sender_waits_or_that_is_beyond_all_measure_is_refused_unread() {
    let waits = announce(LIMIT + 1, Some("100-continue")).await;
    assert_eq!(waits, (StatusCode::PAYLOAD_TOO_LARGE, 0));
    assert_eq!(announce(1 << 30, None).await, (StatusCode::PAYLOAD_TOO_LARGE, 0));
}

#[tokio::test]
async fn a_body_that_announces_too_much_and_never_comes_is_refused_all_the_same() {
    let silent = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let request = Request::post("/api/v1/things").header(header::CONTENT_LENGTH, LIMIT + 1);
    let request = request.body(Body::from_stream(silent)).unwrap();
    let response = PlainPaths(small()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_panic_is_a_500_that_tells_nothing() {
    let (status, body) = refused("GET", "/api/v1/clumsy", "").await;
    assert_eq!(
        (status, &body["codeDesc"]),
        (500, &json!("NCERRInternalServerError: unexpected error"))
    );
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_answered_and_says_to_look_before_trying_again() {
    let (status, body) = refused("GET", "/api/v1/slow", "").await;
    assert_eq!(status, 503);
    assert!(body["hint"].as_str().unwrap().contains("look before trying again"));
    assert!(limits::PATIENCE < Duration::from_secs(30), "clients give up after 30 s");
}

#[test]
fn the_committed_description_is_that_of_the_routes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api/openapi.json");
    let now = openapi_json().unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api")).unwrap();
        std::fs::write(path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == now,
        "docs/api/openapi.json is stale: UPDATE_GOLDEN=1 cargo nextest run -p appliance"
    );
}

#[test]
fn every_call_but_log_ins_and_health_needs_a_token() {
    let document: Value = serde_json::from_str(&openapi_json().unwrap()).unwrap();
    let mut open = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"] == json!([{}]) {
                open.push(format!("{method} {path}"));
            }
        }
    }
    open.sort();
    let expected = [
        "get /api/v1/system/services/status",
        "get /healthz",
        "patch /api/v1/auth/changepw",
        "post /api/v1/auth/tokens",
    ];
    assert_eq!(open, expected);
}

#[test]
fn every_call_has_a_name_of_its_own_and_says_what_it_answers() {
    let document: Value = serde_json::from_str(&openapi_json().unwrap()).unwrap();
    let items = document["paths"].as_object().unwrap().values();
    let mut names = std::collections::BTreeSet::new();
    for operation in items.flat_map(|item| item.as_object().unwrap().values()) {
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{operation}");
        for answer in operation["responses"].as_object().unwrap().values() {
            assert!(!answer["description"].as_str().unwrap().is_empty(), "{operation}");
        }
    }
}
