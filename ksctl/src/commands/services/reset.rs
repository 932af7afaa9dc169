//! `ksctl services reset`: makes an appliance as new as on its first day.

use keystead::api::system::ResetRequest;

use crate::client::Call;
use crate::commands::Context;
use crate::commands::cluster::QUESTION;
use crate::confirm::Confirmed;
use crate::failure::Failure;

const WARNING: &str = "WARNING: this deletes everything on this node: keys, accounts, certificates, and its place in a \
                       cluster. A node that is a member is removed on another member first, or the others miss it.";

/// Asks, then resets.
pub(crate) async fn run(context: &Context, delay: Option<u64>) -> Result<(), Failure> {
    let confirmed = context.asker.confirm(WARNING, QUESTION)?;
    reset(context, delay, &confirmed).await
}

async fn reset(context: &Context, delay: Option<u64>, _confirmed: &Confirmed) -> Result<(), Failure> {
    let call = Call::post("system/services/reset", &ResetRequest { delay })?;
    context.ask_and_show(&call).await
}
