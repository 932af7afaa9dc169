//! `ksctl keys revoke`: moves a key to Deactivated, or to Compromised when the reason says so.

use keystead::api::key::RevokeKeyRequest;

use super::{OneKey, PATH};
use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Revokes the key and shows it in its new state.
pub(crate) async fn run(
    context: &Context,
    key: &OneKey,
    request: &RevokeKeyRequest,
    ack: Option<&str>,
) -> Result<(), Failure> {
    let call = key.named(Call::post(PATH, request)?)?.action("revoke");
    context.ask_and_show(&call.acknowledged(ack)).await
}
