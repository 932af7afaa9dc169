//! `ksctl cluster nodes list`: the nodes of the cluster, as the node that is asked sees them.

use crate::client::Call;
use crate::commands::{Context, Page};
use crate::failure::Failure;
use crate::printer::tables::nodes;

/// Shows the list.
pub(crate) async fn run(context: &Context, page: Page) -> Result<(), Failure> {
    let answer = context.ask(&page.of(Call::get("nodes"))).await?;
    context.printer.show(&answer, nodes::nodes)
}
