//! `ksctl cluster delete`: what a removed node does before it joins again, how a join is ended, and how a cluster of one is
//! dissolved.

use super::QUESTION;
use crate::client::Call;
use crate::commands::Context;
use crate::confirm::Confirmed;
use crate::failure::Failure;

const WARNING: &str = "WARNING: this deletes the cluster configuration of this node.";

/// Asks, then deletes.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let confirmed = context.asker.confirm(WARNING, QUESTION)?;
    delete(context, &confirmed).await
}

async fn delete(context: &Context, _confirmed: &Confirmed) -> Result<(), Failure> {
    context.ask_and_show(&Call::delete("cluster")).await
}
