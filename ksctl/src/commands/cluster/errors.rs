//! `ksctl cluster errors`: what is wrong between the nodes.
//!
//! Shows the bare list: health checks take an output that is not empty for a cluster that is not well.

use keystead::api::list::List;
use keystead::api::summary::NodeErrors;

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;
use crate::printer::tables::cluster;

/// Shows the list.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let errors: List<NodeErrors> = context.ask(&Call::get("cluster/errors")).await?.parse()?;
    if context.printer.wants_tables() {
        return context.printer.table(cluster::errors(&errors));
    }
    context.printer.value(&errors.resources)
}
