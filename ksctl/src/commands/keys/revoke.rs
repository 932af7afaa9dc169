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
    let call = Call::post(PATH, request)?.of(&key.name)?.action("revoke");
    let call = call.with("type", key.kind.as_str()).acknowledged(ack);
    context.ask_and_show(&call).await
}
