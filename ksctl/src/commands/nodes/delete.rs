//! `ksctl cluster nodes delete`: removes a node, asked of another one.
//!
//! The removed node then runs `cluster delete` to be free again.

use crate::client::Call;
use crate::commands::Context;
use crate::commands::cluster::QUESTION;
use crate::confirm::Confirmed;
use crate::failure::Failure;

/// Asks, then removes.
pub(crate) async fn run(context: &Context, id: &str, force: bool) -> Result<(), Failure> {
    let confirmed = context.asker.confirm(&warning(id, force), QUESTION)?;
    delete(context, id, force, &confirmed).await
}

fn warning(id: &str, force: bool) -> String {
    let risk = if force {
        "\nWith --force no majority is asked: a part of the cluster that cannot be reached now may not learn of it, and \
         changes made only there or on the removed node may be lost."
    } else {
        ""
    };
    format!("WARNING: this removes the node {id} from the cluster. It can come back only by joining again.{risk}")
}

async fn delete(context: &Context, id: &str, force: bool, _confirmed: &Confirmed) -> Result<(), Failure> {
    let call = Call::delete("nodes").of(id)?.with_some("force", force.then_some(true));
    context.ask_and_show(&call).await
}
