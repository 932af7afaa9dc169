//! `ksctl vkeys create`: rotates a key.

use keystead::api::key::NewVersionRequest;

use super::{OneKey, PATH};
use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Makes a version of the key and shows it, without its material.
pub(crate) async fn run(
    context: &Context,
    key: &OneKey,
    request: &NewVersionRequest,
    ack: Option<&str>,
) -> Result<(), Failure> {
    let call = key.named(Call::post(PATH, request)?)?.action("versions");
    context.ask_and_show(&call.acknowledged(ack)).await
}
