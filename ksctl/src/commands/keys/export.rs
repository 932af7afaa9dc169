//! `ksctl keys export`: one key with its material.

use super::{OneKey, PATH};
use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Shows the key and its material.
pub(crate) async fn run(context: &Context, key: &OneKey) -> Result<(), Failure> {
    let call = Call::post_text(PATH, "{}".to_owned()).of(&key.name)?.action("export");
    context.ask_and_show(&call.with("type", key.kind.as_str())).await
}
