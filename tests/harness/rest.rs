//! Asks a node over REST, the way programs do that are not `ksctl`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use keystead::replication::ack::HEADER;
use reqwest::{Certificate, Client, ClientBuilder, Method, StatusCode};
use serde_json::{Value, json};

/// What a node answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    /// What it says it is acknowledged with.
    pub(crate) ack: Option<String>,
    /// Seconds after which it says that trying again helps.
    pub(crate) retry_after: Option<u64>,
}

impl Answer {
    /// The body of a good answer.
    pub(crate) fn good(self) -> Result<Value> {
        ensure!(self.status.is_success(), "{}: {}", self.status, self.body);
        Ok(self.body)
    }

    /// The text of a refusal.
    pub(crate) fn refusal(&self) -> Result<&str> {
        ensure!(!self.status.is_success(), "was not refused: {}", self.body);
        self.body["codeDesc"]
            .as_str()
            .with_context(|| format!("not a refusal: {}", self.body))
    }
}

/// A client of one node.
pub(crate) struct Rest {
    url: String,
    client: Client,
    token: Option<String>,
}

impl Rest {
    /// A client that trusts the node's own certificate and is not logged in.
    pub(crate) fn new(url: &str, certificate: &Path) -> Result<Self> {
        Self::of_builder(url, certificate, Client::builder())
    }

    /// The same, coming from this address of the machine.
    pub(crate) fn from_source(source: Ipv4Addr, url: &str, certificate: &Path) -> Result<Self> {
        Self::of_builder(url, certificate, Client::builder().local_address(IpAddr::V4(source)))
    }

    fn of_builder(url: &str, certificate: &Path, builder: ClientBuilder) -> Result<Self> {
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let trusted = Certificate::from_pem(&std::fs::read(certificate)?)?;
        let client = builder
            .tls_certs_only([trusted])
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self {
            url: url.to_owned(),
            client,
            token: None,
        })
    }

    /// Logs in with a password.
    pub(crate) async fn log_in(&mut self, user: &str, password: &str) -> Result<()> {
        let credentials = json!({"username": user, "password": password});
        let answer = self.post("auth/tokens", &credentials).await?.good()?;
        self.token = answer["jwt"].as_str().map(str::to_owned);
        Ok(())
    }

    /// `GET /api/v1/…`
    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, None).await
    }

    /// `POST /api/v1/…`
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// `POST /api/v1/…`, asking for an acknowledgement.
    pub(crate) async fn post_with_ack(&self, path: &str, body: &Value, ack: &str) -> Result<Answer> {
        self.send_with(Method::POST, path, Some(body), Some(ack)).await
    }

    /// `POST /api/v1/…` of a form, which is sent as it is written here.
    pub(crate) async fn post_form(&self, path: &str, form: &str) -> Result<StatusCode> {
        let request = self.client.post(format!("{}/api/v1/{path}", self.url));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Ok(request.body(form.to_owned()).send().await?.status())
    }

    /// `PATCH /api/v1/…`
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE /api/v1/…`
    pub(crate) async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, None).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        self.send_with(method, path, body, None).await
    }

    async fn send_with(&self, method: Method, path: &str, body: Option<&Value>, ack: Option<&str>) -> Result<Answer> {
        let mut request = self.client.request(method, format!("{}/api/v1/{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(ack) = ack {
            request = request.header(HEADER, ack);
        }
        let response = request.send().await?;
        let status = response.status();
        let ack = response.headers().get(HEADER).and_then(|value| value.to_str().ok());
        let ack = ack.map(str::to_owned);
        let retry_after = response.headers().get(reqwest::header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.text().await?;
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).with_context(|| text.clone())?
        };
        Ok(Answer {
            status,
            body,
            ack,
            retry_after,
        })
    }
}
