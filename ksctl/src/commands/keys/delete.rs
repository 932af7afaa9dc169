//! `ksctl keys delete`: deletes a key for good.
//!
//! Does not ask: scripts of the clients that exist call it without `-y`. `--nodelete` protects a key.

use super::{OneKey, PATH};
use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Deletes the key.
pub(crate) async fn run(context: &Context, key: &OneKey, ack: Option<&str>) -> Result<(), Failure> {
    let call = key.named(Call::delete(PATH))?;
    context.ask_and_show(&call.acknowledged(ack)).await
}
