//! `ksctl cluster summary`: what every node says of every other.

use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;
use crate::printer::table;

/// Shows the summary.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let answer = context.ask(&Call::get("cluster/summary")).await?;
    if context.printer.wants_tables() {
        return context.printer.table(&table::summary(&answer.parse()?));
    }
    context.printer.answer(&answer)
}
