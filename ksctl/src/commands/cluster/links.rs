//! `ksctl cluster links`: what the links of the node that is asked are made of.

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;
use crate::printer::tables::cluster;

/// Shows the list.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let answer = context.ask(&Call::get("cluster/links")).await?;
    context.printer.show(&answer, cluster::links)
}
