//! `ksctl keys list`: keys by name and state.

use super::PATH;
use crate::client::Call;
use crate::commands::{Context, Page};
use crate::failure::Failure;
use crate::printer::tables::data;

/// Which keys to show.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Those of this name.
    pub(crate) name: Option<String>,
    /// Those in this state.
    pub(crate) state: Option<String>,
}

/// Shows the list.
pub(crate) async fn run(context: &Context, page: Page, filter: Filter) -> Result<(), Failure> {
    let call = page
        .of(Call::get(PATH))
        .with_some("name", filter.name)
        .with_some("state", filter.state);
    let answer = context.ask(&call).await?;
    context.printer.show(&answer, data::keys)
}
