//! `ksctl cluster nodes delete`: removes a node, asked of another one.
//!
//! The removed node then runs `cluster delete` to be free again.

use crate::client::{Answer, Call, Client};
use crate::commands::cluster::QUESTION;
use crate::commands::{Context, resolve};
use crate::confirm::Confirmed;
use crate::failure::Failure;

/// Asks, then removes.
pub(crate) async fn run(context: &Context, id: &str, force: bool) -> Result<(), Failure> {
    let mut client = context.client()?;
    let node = resolve::node(&mut client, id).await?;
    let confirmed = context.asker.confirm(&warning(&node.described(), force), QUESTION)?;
    let answer = delete(&mut client, &node.id, force, &confirmed).await?;
    context.printer.answer(&answer)
}

fn warning(node: &str, force: bool) -> String {
    let risk = if force {
        "\nWith --force no majority is asked: a part of the cluster that cannot be reached now may not learn of it, and \
         changes made only there or on the removed node may be lost."
    } else {
        ""
    };
    format!("WARNING: this removes the node {node} from the cluster. It can come back only by joining again.{risk}")
}

async fn delete(client: &mut Client, id: &str, force: bool, _confirmed: &Confirmed) -> Result<Answer, Failure> {
    let call = Call::delete("nodes").of(id)?.with_some("force", force.then_some(true));
    client.send(&call).await
}
