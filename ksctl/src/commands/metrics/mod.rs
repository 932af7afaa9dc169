//! `ksctl metrics prometheus …`: what Prometheus scrapes, and whether it may.

use std::path::PathBuf;

use keystead::api::metrics::PrometheusStatus;
use secrecy::SecretString;

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;
use crate::output::{self, Reader};

/// The path of the metrics below `/api/v1/`.
const PATH: &str = "system/metrics/prometheus";

/// Shows whether scrapes are answered.
pub(crate) async fn status(context: &Context) -> Result<(), Failure> {
    context.ask_and_show(&Call::get(PATH).action("status")).await
}

/// Changes whether scrapes are answered, or the token, and shows both.
pub(crate) async fn change(context: &Context, action: &'static str) -> Result<(), Failure> {
    context
        .ask_and_show(&Call::post_text(PATH, "{}".to_owned()).action(action))
        .await
}

/// Shows what Prometheus gets, or writes it into a file.
pub(crate) async fn get(context: &Context, token: Option<SecretString>, file: Option<PathBuf>) -> Result<(), Failure> {
    let mut client = context.client()?;
    let token = if let Some(token) = token {
        token
    } else {
        let status: PrometheusStatus = client.send(&Call::get(PATH).action("status")).await?.parse()?;
        SecretString::from(status.token.expose())
    };
    let text = client.text_with(&Call::get(PATH), &token).await?;
    match file {
        None => context.printer.raw(&text),
        Some(path) => output::write(&path, text.as_bytes(), Reader::Everybody),
    }
}
