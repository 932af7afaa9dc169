//! `ksctl keys export`: one key with its material.

use super::{OneKey, PATH};
use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Shows the key and its material.
pub(crate) async fn run(context: &Context, key: &OneKey) -> Result<(), Failure> {
    let call = key.named(Call::post_text(PATH, "{}".to_owned()))?.action("export");
    context.ask_and_show(&call).await
}
