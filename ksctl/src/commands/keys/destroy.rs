//! `ksctl keys destroy`: destroys the material of a key; the key itself stays.

use super::{OneKey, PATH};
use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Destroys the material and shows the key in its new state.
pub(crate) async fn run(context: &Context, key: &OneKey, ack: Option<&str>) -> Result<(), Failure> {
    let call = Call::post_text(PATH, "{}".to_owned()).of(&key.name)?.action("destroy");
    let call = call.with("type", key.kind.as_str()).acknowledged(ack);
    context.ask_and_show(&call).await
}
