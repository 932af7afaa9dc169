//! One node as clients reach it: REST with short patience, and what an answer, or its absence, says of a call.
//!
//! Decides what is known: a call that was never sent, or was refused with a 4xx, has no effect; one that was answered with
//! a 5xx or not at all may have one, at any time.

use std::time::Duration;

use anyhow::Result;
use reqwest::{Certificate, Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::harness::Node;
use crate::harness::node::PASSWORD;

/// How long a client waits for an answer. A node that is halted gives none.
const PATIENCE: Duration = Duration::from_secs(4);

/// The header with the version of a deletion.
const ROW_VERSION: &str = "row-version";

/// What a client heard.
#[derive(Debug)]
pub(super) enum Heard {
    /// An answer: status, body, version of the row if a header says it.
    Answer(StatusCode, Value, Option<i64>),
    /// The call was not sent.
    NotSent(String),
    /// The call was sent, or perhaps; there was no answer.
    Nothing(String),
}

/// REST of one node. Its token is shared by all who use it.
pub(super) struct Door {
    url: String,
    client: Client,
    token: Mutex<Option<String>>,
}

impl Door {
    /// Nothing is asked yet.
    pub(super) fn to(node: &Node) -> Result<Self> {
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let trusted = Certificate::from_pem(&std::fs::read(node.rest_certificate())?)?;
        let client = Client::builder().tls_certs_only([trusted]).timeout(PATIENCE).build()?;
        Ok(Self {
            url: node.url(),
            client,
            token: Mutex::new(None),
        })
    }

    /// Sends a call. One that is refused for its token is sent once more with another.
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Heard {
        let mut last = Heard::NotSent("no token".to_owned());
        for _ in 0..2 {
            let token = match self.token().await {
                Ok(token) => token,
                Err(heard) => return Heard::NotSent(heard),
            };
            last = self.send(method.clone(), path, body, Some(&token)).await;
            if !matches!(last, Heard::Answer(StatusCode::UNAUTHORIZED, ..)) {
                break;
            }
            self.forget(&token).await;
        }
        last
    }

    async fn token(&self) -> Result<String, String> {
        let mut token = self.token.lock().await;
        if let Some(token) = token.as_ref() {
            return Ok(token.clone());
        }
        let credentials = json!({"username": "admin", "password": PASSWORD});
        let heard = self.send(Method::POST, "auth/tokens", Some(&credentials), None).await;
        let Heard::Answer(_, body, _) = heard else {
            return Err(format!("cannot log in: {heard:?}"));
        };
        *token = body["jwt"].as_str().map(str::to_owned);
        token.clone().ok_or_else(|| format!("cannot log in: {body}"))
    }

    async fn forget(&self, used: &str) {
        let mut token = self.token.lock().await;
        if token.as_deref() == Some(used) {
            *token = None;
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>, token: Option<&str>) -> Heard {
        let mut request = self.client.request(method, format!("{}/api/v1/{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        match request.send().await {
            Ok(response) => read(response).await,
            Err(error) if error.is_connect() => Heard::NotSent("cannot connect".to_owned()),
            Err(error) => Heard::Nothing(without_url(error)),
        }
    }
}

async fn read(response: reqwest::Response) -> Heard {
    let status = response.status();
    let version = response.headers().get(ROW_VERSION);
    let version = version.and_then(|text| text.to_str().ok()?.parse().ok());
    match response.text().await {
        Ok(text) => Heard::Answer(status, serde_json::from_str(&text).unwrap_or(Value::Null), version),
        Err(error) => Heard::Nothing(without_url(error)),
    }
}

fn without_url(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        error.to_string()
    }
}
