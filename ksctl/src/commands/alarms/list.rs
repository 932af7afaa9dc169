//! `ksctl alarms list`: the alarms of all nodes.

use super::PATH;
use crate::client::Call;
use crate::commands::{Context, Page};
use crate::failure::Failure;
use crate::printer::table;

/// Which alarms to show.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Those of this name.
    pub(crate) name: Option<String>,
    /// Those in this state.
    pub(crate) state: Option<String>,
    /// Those that are this bad.
    pub(crate) severity: Option<String>,
    /// Those that this node has raised.
    pub(crate) source: Option<String>,
}

/// Shows the list.
pub(crate) async fn run(context: &Context, page: Page, filter: Filter) -> Result<(), Failure> {
    let call = page
        .of(Call::get(PATH))
        .with_some("name", filter.name)
        .with_some("state", filter.state)
        .with_some("severity", filter.severity)
        .with_some("source", filter.source);
    let answer = context.ask(&call).await?;
    if context.printer.wants_tables() {
        return context.printer.table(&table::alarms(&answer.parse()?));
    }
    context.printer.answer(&answer)
}
