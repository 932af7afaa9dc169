//! `ksctl cluster orphans`: what a removed node wrote and no member has.

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Shows the list.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    context.ask_and_show(&Call::get("cluster/orphans")).await
}
