//! Whole files to and from the appliance, as large as they are.
//!
//! They may take longer than any other request, so they have a limit of their own.

use std::path::Path;
use std::time::Duration;

use reqwest::RequestBuilder;
use secrecy::ExposeSecret;

use super::{Answer, Call, Client, answer};
use crate::failure::Failure;
use crate::input;
use crate::output::Output;

/// A transfer that lasts longer hangs.
const LONGEST: Duration = Duration::from_hours(2);

impl Client {
    /// Writes what `call` answers with into a file, which is there when it is whole. Its size in bytes.
    pub(crate) async fn download(&mut self, call: &Call, path: &Path) -> Result<u64, Failure> {
        let unanswered = |error| answer::unanswered(&error, &self.url, LONGEST.as_secs());
        let request = self.transfer(call)?;
        let mut response = request.send().await.map_err(unanswered)?;
        if !response.status().is_success() {
            let (status, text) = (response.status(), response.text().await.map_err(unanswered)?);
            return answer::read(status, text, &self.url).map(|_| 0);
        }
        let (mut file, mut size) = (Output::new(path)?, 0);
        while let Some(piece) = response.chunk().await.map_err(unanswered)? {
            size += piece.len() as u64;
            file.add(&piece)?;
        }
        file.keep()?;
        Ok(size)
    }

    /// Sends a file as the body of `call`.
    pub(crate) async fn upload(&mut self, call: &Call, path: &Path) -> Result<Answer, Failure> {
        let opened = tokio::fs::File::open(path).await;
        let file = opened.map_err(|cause| Failure::usage(format!("cannot read {}: {cause}", input::name(path))))?;
        let unanswered = |error| answer::unanswered(&error, &self.url, LONGEST.as_secs());
        let response = self.transfer(call)?.body(file).send().await.map_err(unanswered)?;
        let status = response.status();
        answer::read(status, response.text().await.map_err(unanswered)?, &self.url)
    }

    /// With the token of a request that was sent before: a file is not sent twice for one that is refused.
    fn transfer(&self, call: &Call) -> Result<RequestBuilder, Failure> {
        let request = self.http.request(call.method(), call.url(&self.url)?).timeout(LONGEST);
        Ok(match &self.identity.jwt {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        })
    }
}
