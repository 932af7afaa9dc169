//! Whole files to and from the appliance, as large as they are.
//!
//! They may take longer than any other request, so they have a limit of their own.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use futures_util::stream;
use reqwest::{Body, RequestBuilder};
use secrecy::ExposeSecret;
use tokio::io::AsyncReadExt as _;

use super::{Answer, Call, Client, answer};
use crate::failure::Failure;
use crate::output::Output;

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// A transfer that lasts longer hangs.
const LONGEST: Duration = Duration::from_hours(2);

impl Client {
    /// Writes what `call` answers with into a file, which is there when it is whole. Its size in bytes.
    pub(crate) async fn download(&mut self, call: &Call, path: &Path) -> Result<u64, Failure> {
        let unanswered = |error| answer::unanswered(&error, &self.place, LONGEST.as_secs());
        let request = self.transfer(call)?;
        let mut response = request.send().await.map_err(unanswered)?;
        if !response.status().is_success() {
            let (status, text) = (response.status(), response.text().await.map_err(unanswered)?);
            return answer::read(status, text, &self.place).map(|_| 0);
        }
        let (mut file, mut size) = (Output::new(path)?, 0);
        while let Some(piece) = response.chunk().await.map_err(unanswered)? {
            size += piece.len() as u64;
            file.add(&piece)?;
        }
        file.keep()?;
        Ok(size)
    }

    /// Sends what was read of a file and the rest of it as the body of `call`.
    pub(crate) async fn upload(&mut self, call: &Call, start: Vec<u8>, rest: File) -> Result<Answer, Failure> {
        let unanswered = |error| answer::unanswered(&error, &self.place, LONGEST.as_secs());
        let body = Body::wrap_stream(stream::try_unfold((start, rest.into()), piece));
        let response = self.transfer(call)?.body(body).send().await.map_err(unanswered)?;
        let status = response.status();
        answer::read(status, response.text().await.map_err(unanswered)?, &self.place)
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

/// What is read of a file and not sent yet, and the rest of it.
type Unsent = (Vec<u8>, tokio::fs::File);

/// The next piece to send, and what is left then.
async fn piece((mut read, mut rest): Unsent) -> io::Result<Option<(Vec<u8>, Unsent)>> {
    if read.is_empty() {
        read.reserve(PIECE);
        (&mut rest).take(PIECE as u64).read_to_end(&mut read).await?;
    }
    if read.is_empty() {
        return Ok(None);
    }
    Ok(Some((read, (Vec::new(), rest))))
}
