//! `ksctl keys destroy`: destroys the material of a key; the key itself stays.

use super::{OneKey, PATH};
use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Destroys the material and shows the key in its new state.
pub(crate) async fn run(context: &Context, key: &OneKey, ack: Option<&str>) -> Result<(), Failure> {
    let call = key.named(Call::post_text(PATH, "{}".to_owned()))?.action("destroy");
    context.ask_and_show(&call.acknowledged(ack)).await
}
