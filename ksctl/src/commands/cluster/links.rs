//! `ksctl cluster links`: what the links of the node that is asked are made of.

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;

/// Shows the list.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    context.ask_and_show(&Call::get("cluster/links")).await
}
