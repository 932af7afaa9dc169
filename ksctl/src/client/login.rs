//! Getting tokens: `POST /v1/auth/tokens`, and changing a password that must be changed.
//!
//! This file decides what a log-in sends. When to log in is decided in [`super`].

use keystead::api::auth::{ChangePasswordRequest, TokenAnswer, TokenRequest};
use secrecy::{ExposeSecret, SecretString};

use super::{Call, Client};
use crate::failure::Failure;

/// The way out when a session has ended.
pub(super) const AGAIN: &str = "log in again: `ksctl login --url URL --user USER`";

impl Client {
    /// Logs in with the password, asking for it if there is none, and keeps what was got.
    pub(crate) async fn log_in(&mut self) -> Result<SecretString, Failure> {
        let username = self.username()?.to_owned();
        let password = self.password()?;
        let request = TokenRequest {
            grant_type: Some("password".to_owned()),
            username: Some(username),
            password: Some(password.expose_secret().into()),
            ..TokenRequest::default()
        };
        self.get_token(request).await.map_err(|failure| {
            if failure.wants_new_password() {
                let url = self.url.as_str().trim_end_matches('/');
                failure.or_hint(&format!(
                    "`ksctl login --url {url} --new-password PASSWORD` changes it and logs in"
                ))
            } else if failure.is_unauthorized() {
                let with = self.log_in_with();
                failure.with_more(&with)
            } else {
                failure
            }
        })
    }

    /// What was logged in with, and where each of it came from: often it is not what the user thinks.
    fn log_in_with(&self) -> String {
        let origin = &self.identity.origin;
        let from = |origin: Option<&String>| origin.map_or("the prompt", String::as_str).to_owned();
        format!(
            " (asked {} from {}, as {:?} from {}, with the password from {})",
            self.url,
            from(self.url_origin.as_ref()),
            self.identity.username.as_deref().unwrap_or_default(),
            from(origin.username.as_ref()),
            from(origin.password.as_ref())
        )
    }

    /// Gets a token for the refresh token, which stays good.
    pub(super) async fn refresh(&mut self) -> Result<SecretString, Failure> {
        let refresh_token = self
            .identity
            .refresh_token
            .as_ref()
            .map(|token| token.expose_secret().into());
        let request = TokenRequest {
            grant_type: Some("refresh_token".to_owned()),
            refresh_token,
            ..TokenRequest::default()
        };
        self.get_token(request).await
    }

    /// Changes the password of the account; the one in force is the credential. The new one is used from here on.
    pub(crate) async fn change_password(&mut self, new: SecretString) -> Result<(), Failure> {
        let request = ChangePasswordRequest {
            username: self.username()?.to_owned(),
            password: self.password()?.expose_secret().into(),
            new_password: new.expose_secret().into(),
        };
        self.send_open(&Call::patch("auth/changepw", &request)?).await?;
        self.identity.password = Some(new);
        self.identity.origin.password = Some("the change of a moment ago".to_owned());
        Ok(())
    }

    async fn get_token(&mut self, request: TokenRequest) -> Result<SecretString, Failure> {
        let domains = &self.identity.domains;
        let login = TokenRequest {
            domain: domains.domain.clone(),
            auth_domain: domains.auth_domain.clone(),
            connection: domains.connection.clone(),
            ..request
        };
        let answer = self.send_open(&Call::post("auth/tokens", &login)?).await?;
        let got: TokenAnswer = answer.parse()?;
        let jwt = SecretString::from(got.jwt.expose());
        self.identity.jwt = Some(jwt.clone());
        self.identity.refresh_token = Some(SecretString::from(got.refresh_token.expose())).filter(is_given);
        Ok(jwt)
    }

    fn username(&self) -> Result<&str, Failure> {
        self.identity.username.as_deref().ok_or_else(|| {
            let failure = Failure::usage(format!("no user is given for {}", self.url));
            failure.with_hint(format!("give --user, set KSCTL_USERNAME, or {AGAIN}"))
        })
    }

    /// The password, asked for once if there is none.
    fn password(&mut self) -> Result<SecretString, Failure> {
        if let Some(password) = &self.identity.password {
            return Ok(password.clone());
        }
        let password = self.asker.password(self.password_prompt)?;
        self.identity.origin.password = None;
        self.identity.password = Some(password.clone());
        Ok(password)
    }
}

fn is_given(token: &SecretString) -> bool {
    !token.expose_secret().is_empty()
}
