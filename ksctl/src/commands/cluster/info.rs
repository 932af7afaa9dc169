//! `ksctl cluster info`: the state of the node that is asked.

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Shows the state.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    context.ask_and_show(&Call::get("cluster")).await
}
