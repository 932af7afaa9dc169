//! `ksctl vkeys list`: the versions of a key, the current one first.

use super::{OneKey, PATH};
use crate::client::Call;
use crate::commands::{Context, Page};
use crate::failure::Failure;
use crate::printer::table;

/// Shows the list.
pub(crate) async fn run(context: &Context, page: Page, key: &OneKey) -> Result<(), Failure> {
    let call = key.named(page.of(Call::get(PATH)))?.action("versions");
    let answer = context.ask(&call).await?;
    if context.printer.wants_tables() {
        return context.printer.table(&table::keys(&answer.parse()?));
    }
    context.printer.answer(&answer)
}
