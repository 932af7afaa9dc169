//! `ksctl keys get`: one key, without its material.

use super::{OneKey, PATH};
use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Shows the key.
pub(crate) async fn run(context: &Context, key: &OneKey) -> Result<(), Failure> {
    context.ask_and_show(&key.named(Call::get(PATH))?).await
}
