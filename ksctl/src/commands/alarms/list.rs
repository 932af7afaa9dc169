//! `ksctl alarms list`: the alarms of all nodes.

use super::PATH;
use crate::client::{Call, Client};
use crate::commands::{Context, Page, resolve};
use crate::failure::Failure;
use crate::printer::tables::{data, nodes};

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
    let mut client = context.client()?;
    let source = match filter.source {
        Some(source) => Some(source_id(&mut client, source).await?),
        None => None,
    };
    let call = page
        .of(Call::get(PATH))
        .with_some("name", filter.name)
        .with_some("state", filter.state)
        .with_some("severity", filter.severity)
        .with_some("source", source);
    let answer = client.send(&call).await?;
    if !context.printer.wants_tables() {
        return context.printer.answer(&answer);
    }
    // The list is worth showing without names too.
    let nodes = client.send(&Call::get("nodes")).await;
    let names = nodes.and_then(|nodes| nodes.parse()).map(|nodes| nodes::names(&nodes));
    let table = data::alarms(&answer.parse()?, &names.unwrap_or_default());
    context.printer.table(table)
}

/// A node that is in the list has raised it, or one that was removed or in no cluster then: its name is taken as it is.
async fn source_id(client: &mut Client, typed: String) -> Result<String, Failure> {
    match resolve::node(client, &typed).await {
        Ok(node) => Ok(node.id),
        Err(failure) if failure.is_unknown() => Ok(typed),
        Err(failure) => Err(failure),
    }
}
