//! The REST client: one appliance, one identity.
//!
//! This file decides which token goes with a request and when to log in: a token that is still good, else the refresh
//! token, else the password; and once more when the appliance refuses a token. What a request is, is in
//! [`call`]; how bad ends of a request read, in [`answer`]; certificates, in [`transport`].

pub(crate) mod answer;
pub(crate) mod call;
mod login;
mod transfer;
mod transport;

use keystead::clock::Clock;
use keystead::replication::ack::HEADER;
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

pub(crate) use answer::Answer;
pub(crate) use call::Call;

use crate::clock::WallClock;
use crate::confirm::Asker;
use crate::failure::Failure;
use crate::settings::{Endpoint, Identity};
use crate::token;

/// Talks to one appliance.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
    place: String,
    url_origin: Option<String>,
    timeout_seconds: u64,
    identity: Identity,
    asker: Asker,
    password_prompt: &'static str,
}

impl Client {
    /// A client for an endpoint. Nothing is sent yet.
    pub(crate) fn new(endpoint: &Endpoint, asker: Asker) -> Result<Self, Failure> {
        let url = endpoint.url.clone().ok_or_else(|| {
            Failure::usage("no URL of an appliance is given")
                .with_hint("give --url https://HOST, set KSCTL_URL, or run `ksctl login` once")
        })?;
        let proxy = endpoint.proxies.to(&url)?;
        let place = proxy.as_ref().map_or_else(
            || url.to_string(),
            |proxy| format!("{url} by the proxy {}", proxy.described()),
        );
        Ok(Self {
            http: transport::http(endpoint, proxy.as_ref())?,
            url,
            place,
            url_origin: endpoint.url_origin.clone(),
            timeout_seconds: endpoint.timeout.as_secs(),
            identity: endpoint.identity.clone(),
            asker,
            password_prompt: "password",
        })
    }

    /// Asks for a missing password in these words, where more than one might be asked for.
    #[must_use]
    pub(crate) fn asking_for(self, password_prompt: &'static str) -> Self {
        Self {
            password_prompt,
            ..self
        }
    }

    /// The appliance that is asked.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Who asks, with the tokens and the password got so far.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Becomes someone else.
    pub(crate) fn adopt(&mut self, identity: Identity) {
        self.identity = identity;
    }

    /// Keeps the token in use and forgets how to get another, so that a refusal is seen instead of logged around.
    pub(crate) fn keep_only_token(&mut self) {
        self.identity.refresh_token = None;
        self.identity.password = None;
        self.asker = Asker::silent();
    }

    /// Sends a request as the user. Logs in first where needed, and once more when the token is refused.
    pub(crate) async fn send(&mut self, call: &Call) -> Result<Answer, Failure> {
        let token = self.token().await?;
        let answer = self.exchange(call, Some(&token)).await;
        match answer {
            Err(failure) if failure.is_unauthorized() && self.can_log_in() => {
                self.identity.jwt = None;
                let token = self.token().await?;
                self.exchange(call, Some(&token)).await
            }
            Err(failure) if failure.is_unauthorized() => Err(failure.or_hint(login::AGAIN)),
            answer => answer,
        }
    }

    /// Has a token that is good, and the means to get another.
    pub(crate) async fn be_logged_in(&mut self) -> Result<(), Failure> {
        let token = self.token().await?;
        self.identity.jwt = Some(token);
        Ok(())
    }

    /// Sends a request that needs no log-in.
    pub(crate) async fn send_open(&self, call: &Call) -> Result<Answer, Failure> {
        self.exchange(call, None).await
    }

    /// Sends a request with a token that is not that of a log-in. The answer is any text.
    pub(crate) async fn text_with(&self, call: &Call, token: &SecretString) -> Result<String, Failure> {
        let (status, text) = self.respond(call, Some(token)).await?;
        if status.is_success() {
            return Ok(text);
        }
        answer::read(status, text, &self.place).map(|answer| answer.text().to_owned())
    }

    fn can_log_in(&self) -> bool {
        let password = self.identity.password.is_some() || self.asker.can_ask();
        self.identity.refresh_token.is_some() || (self.identity.username.is_some() && password)
    }

    /// A token to send: the one at hand while it is good, else a new one.
    async fn token(&mut self) -> Result<SecretString, Failure> {
        let old = self.identity.jwt.clone();
        let fresh = |jwt: &SecretString| token::is_fresh(jwt.expose_secret(), WallClock.now());
        match old {
            Some(jwt) if fresh(&jwt) => Ok(jwt),
            // An appliance that joins a cluster gives none, and takes an old one from those who watch.
            Some(jwt) => match self.new_token().await {
                Err(failure) if failure.is_unavailable() => Ok(jwt),
                got => got,
            },
            None => self.new_token().await,
        }
    }

    /// A new token, got in the cheapest way that works.
    async fn new_token(&mut self) -> Result<SecretString, Failure> {
        if self.identity.refresh_token.is_some() {
            match self.refresh().await {
                Err(failure) if failure.is_unauthorized() => self.identity.refresh_token = None,
                refreshed => return refreshed,
            }
        }
        match self.identity.jwt.clone() {
            // Too old by our clock, and all there is: the appliance may still take it.
            Some(jwt) if !self.can_log_in() => Ok(jwt),
            _ => self.log_in().await,
        }
    }

    async fn exchange(&self, call: &Call, token: Option<&SecretString>) -> Result<Answer, Failure> {
        let (status, text) = self.respond(call, token).await?;
        answer::read(status, text, &self.place)
    }

    async fn respond(&self, call: &Call, token: Option<&SecretString>) -> Result<(StatusCode, String), Failure> {
        let url = call.url(&self.url)?;
        let mut request = self.http.request(call.method(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = call.body() {
            request = request
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(body.to_owned());
        }
        if let Some(ack) = call.ack() {
            request = request.header(HEADER, ack);
        }
        let unanswered = |error| answer::unanswered(&error, &self.place, self.timeout_seconds);
        let response = request.send().await.map_err(unanswered)?;
        let status = response.status();
        let text = response.text().await.map_err(unanswered)?;
        Ok((status, text))
    }
}
