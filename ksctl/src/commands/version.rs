//! `ksctl version`: the versions of this program and of the appliance.
//!
//! An appliance that cannot be asked is a note, not an error: the own version is always known.

use keystead::api::system::SystemInfo;
use serde::Serialize;

use super::Context;
use super::system::info;
use crate::client::{Call, Client};
use crate::confirm::Asker;
use crate::failure::Failure;

#[derive(Serialize)]
struct Versions {
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_version: Option<String>,
}

/// Shows the versions.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let server = match server(context).await {
        Ok(info) => Some(info),
        Err(failure) => {
            context
                .printer
                .note(&format!("the version of the appliance is not known: {failure}"));
            None
        }
    };
    let (server_model, server_version) = server.map(|info| (info.model, info.version)).unzip();
    context.printer.value(&Versions {
        version: keystead::VERSION,
        server_model,
        server_version,
    })
}

async fn server(context: &Context) -> Result<SystemInfo, Failure> {
    // Nobody who asks for a version wants to be asked for a password.
    let mut client = Client::new(&context.settings.endpoint, Asker::silent())?;
    client.send(&Call::get(info::PATH)).await?.parse()
}
