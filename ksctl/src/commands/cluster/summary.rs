//! `ksctl cluster summary`: what every node says of every other.

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;
use crate::printer::tables::summary;

/// Shows the summary.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let answer = context.ask(&Call::get("cluster/summary")).await?;
    context.printer.show(&answer, summary::summary)
}
