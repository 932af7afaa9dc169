//! `ksctl cluster nodes get`: one node.

use crate::client::Call;
use crate::commands::{Context, resolve};
use crate::failure::Failure;

/// Shows the node that is meant by `id`.
pub(crate) async fn run(context: &Context, id: &str) -> Result<(), Failure> {
    let mut client = context.client()?;
    let node = resolve::node(&mut client, id).await?;
    let answer = client.send(&Call::get("nodes").of(&node.id)?).await?;
    context.printer.answer(&answer)
}
