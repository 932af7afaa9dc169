//! `ksctl cluster nodes get`: one node.

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Shows the node.
pub(crate) async fn run(context: &Context, id: &str) -> Result<(), Failure> {
    context.ask_and_show(&Call::get("nodes").of(id)?).await
}
