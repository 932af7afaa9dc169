//! `ksctl services reset`: makes an appliance as new as on its first day.
//!
//! The appliance wants to be named, so that nothing is deleted by a wrong address. It is asked for its name, the user for a
//! yes to that name.

use keystead::api::system::{ResetRequest, SystemInfo};

use crate::client::{Call, Client};
use crate::commands::Context;
use crate::commands::cluster::QUESTION;
use crate::commands::system::info;
use crate::confirm::Confirmed;
use crate::failure::Failure;

/// Asks, then resets the node called `node`, or whatever the appliance says it is called.
pub(crate) async fn run(context: &Context, delay: Option<u64>, node: Option<String>) -> Result<(), Failure> {
    let mut client = context.client()?;
    let name = match node {
        Some(node) => node,
        None => name(&mut client).await?,
    };
    let confirmed = context.asker.confirm(&warning(&name), QUESTION)?;
    let answer = reset(&mut client, delay, name, &confirmed).await?;
    context.printer.answer(&answer)
}

async fn name(client: &mut Client) -> Result<String, Failure> {
    let info = client.send(&Call::get(info::PATH)).await;
    let info: SystemInfo = info
        .map_err(|failure| failure.or_hint("a node that cannot say its name is reset with --node NAME"))?
        .parse()?;
    Ok(info.name)
}

async fn reset(
    client: &mut Client,
    delay: Option<u64>,
    name: String,
    _confirmed: &Confirmed,
) -> Result<crate::client::Answer, Failure> {
    let confirm = Some(name);
    client
        .send(&Call::post("system/services/reset", &ResetRequest { delay, confirm })?)
        .await
}

fn warning(name: &str) -> String {
    let name = name.escape_debug();
    format!(
        "WARNING: this deletes everything on the node {name}: keys, accounts, certificates, and its place in a cluster. A \
         node that is a member is removed on another member first, or the others miss it."
    )
}
